"""The formats of `diffnet_tf.files.image_files`, one a module, and what they share."""
