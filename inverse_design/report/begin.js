start();
listing();
lanes();
curves();
copying();
