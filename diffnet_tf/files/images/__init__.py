"""The formats of `diffnet_tf.files.image_files`, and what they share."""
