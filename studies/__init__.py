"""Study files that run as they are, with the data they ship; read through `importlib.resources`."""
