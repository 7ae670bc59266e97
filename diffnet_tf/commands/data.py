"""List the image data in a folder, what is missing, and the options that use it."""

from argparse import ArgumentParser, Namespace

WHERE = """No image data that this package can read. It reads:
  images      PNG, JPEG or TIFF files of at least 96×96 pixels:   --source folder --data-dir FOLDER
  STL-10      unlabeled_X.bin from stl10_binary.tar.gz, 2.6 GB:   --source stl10_binary --data-dir FOLDER
              or stl10 as TensorFlow Datasets prepares it:        --source stl10 --data-dir ~/tensorflow_datasets
  authors'    .mat files with imagesInput, saved with -v7.3:      --source mat --data-dir FILE
  arrays      gray.npy, uint8 or float32 (n, height, width):      --source npy --data-dir FOLDER"""


def add_arguments(parser: ArgumentParser) -> None:
    """Define the command's options."""
    parser.add_argument("directory", metavar="DIR", help="folder or file to look at")
    parser.add_argument(
        "--hashes",
        action="store_true",
        help="also check the MD5 sums of STL-10's files; takes about a minute for the 2.6 GB",
    )


def run(arguments: Namespace) -> int:
    """Print what was found. Returns the exit status: 0 if any of it can be used, else 1."""
    from diffnet_tf.data import recognise

    findings = recognise.recognise(arguments.directory, arguments.hashes)
    for finding in findings:
        print(f"{finding.path}: {finding.what}\n    {finding.advice}")
    if not findings:
        print(WHERE)
    return 0 if any(finding.usable for finding in findings) else 1
