start();
listing();
lanes();
curves();
copying();
keeping();
