"""The commands and files a user meets, from the outside."""
