"""The built page that shows a store, how it is put into one, and how it is served on this machine."""
