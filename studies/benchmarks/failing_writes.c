/* The N-th write below a folder fails: preloaded into a command by failing_writes.py, which says what the variables are.

   Counted are the calls that change what is on the disk: write, pwrite, writev, ftruncate, fsync, fdatasync, and by their
   paths open (to create or to cut off), rename, link, mkdir and, but where a disk is full, unlink and rmdir. Only the process that starts is counted,
   not its workers. Writes of SQLite, HDF5 and Python all come by here. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static const char *under, *report;
static long at, what;
static int lasts, active;
static atomic_long count;

static long number(const char *name) { const char *text = getenv(name); return text ? atol(text) : 0; }

__attribute__((constructor)) static void begin(void) {
    under = getenv("FAIL_UNDER"), report = getenv("FAIL_COUNT");
    at = number("FAIL_AT"), what = number("FAIL_WITH"), lasts = number("FAIL_LASTS") != 0;
    active = under != NULL && getenv("FAIL_OWNER") == NULL;
    setenv("FAIL_OWNER", "taken", 1);  /* processes that this one starts count nothing */
}

__attribute__((destructor)) static void end(void) {
    if (!active || !report) return;
    active = 0;
    FILE *file = fopen(report, "w");
    if (file) { fprintf(file, "%ld\n", atomic_load(&count)); fclose(file); }
}

static int below(const char *path) { return path && strncmp(path, under, strlen(under)) == 0; }

static int fd_below(int fd) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return below(path);
}

/* Whether this call fails, with errno set; a signal is sent, and the call goes on if that is survived. */
static int fails(void) {
    long n = atomic_fetch_add(&count, 1) + 1;
    if (at == 0 || n < at || (n > at && !lasts)) return 0;
    if (what < 0) { if (n == at) kill(getpid(), (int)-what); return 0; }
    errno = (int)what;
    return 1;
}

#define REAL(type, name, ...) static type (*real)(__VA_ARGS__); if (!real) *(void **)&real = dlsym(RTLD_NEXT, #name)
#define BY_FD(type, name, args, call, ...) \
    type name args { REAL(type, name, __VA_ARGS__); if (active && fd_below(fd) && fails()) return -1; return real call; }
#define BY_PATH(name, args, call, ...) \
    int name args { REAL(int, name, __VA_ARGS__); if (active && below(path) && fails()) return -1; return real call; }

BY_FD(ssize_t, write, (int fd, const void *data, size_t size), (fd, data, size), int, const void *, size_t)
BY_FD(ssize_t, pwrite, (int fd, const void *data, size_t size, off_t to), (fd, data, size, to), int, const void *, size_t, off_t)
BY_FD(ssize_t, pwrite64, (int fd, const void *data, size_t size, off64_t to), (fd, data, size, to), int, const void *, size_t, off64_t)
BY_FD(ssize_t, writev, (int fd, const struct iovec *data, int parts), (fd, data, parts), int, const struct iovec *, int)
BY_FD(int, ftruncate, (int fd, off_t size), (fd, size), int, off_t)
BY_FD(int, ftruncate64, (int fd, off64_t size), (fd, size), int, off64_t)
BY_FD(int, fsync, (int fd), (fd), int)
BY_FD(int, fdatasync, (int fd), (fd), int)
BY_PATH(rename, (const char *path, const char *to), (path, to), const char *, const char *)
BY_PATH(link, (const char *path, const char *to), (path, to), const char *, const char *)
BY_PATH(mkdir, (const char *path, mode_t mode), (path, mode), const char *, mode_t)

#define REMOVING(name) \
    int name(const char *path) { \
        REAL(int, name, const char *); \
        if (active && what != ENOSPC && below(path) && fails()) return -1; \
        return real(path); }
REMOVING(unlink)
REMOVING(rmdir)

#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        REAL(int, name, const char *, int, ...); \
        va_list rest; va_start(rest, flags); mode_t mode = va_arg(rest, mode_t); va_end(rest); \
        if (active && (flags & (O_CREAT | O_TRUNC)) && below(path) && fails()) return -1; \
        return real(path, flags, mode); }
OPEN(open)
OPEN(open64)

#define FOPEN(name) \
    FILE *name(const char *path, const char *mode) { \
        REAL(FILE *, name, const char *, const char *); \
        if (active && strpbrk(mode, "wa") && below(path) && fails()) return NULL; \
        return real(path, mode); }
FOPEN(fopen)
FOPEN(fopen64)
