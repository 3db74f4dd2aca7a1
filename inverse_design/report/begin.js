start();
listing();
copying();
