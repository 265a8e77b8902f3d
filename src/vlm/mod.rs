//! Tower, projector and decoder become something that answers about an image.
