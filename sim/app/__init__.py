"""The local web app: a folder of runs enters, pages on 127.0.0.1 leave; nothing goes over the network."""
