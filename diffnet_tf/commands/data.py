"""Report which images a folder holds, what is missing, and which options use them."""

from argparse import ArgumentParser, Namespace

WHERE = """No data that this package can use. It can use these, with the options on the right:
  images      PNG, JPEG or TIFF files of at least 96×96 pixels:   --source folder --data_dir FOLDER
  STL-10      unlabeled_X.bin from stl10_binary.tar.gz, 2.6 GB:   --source stl10_binary --data_dir FOLDER
              or stl10 as TensorFlow Datasets prepares it:        --source stl10 --data_dir ~/tensorflow_datasets
  authors'    .mat files with imagesInput, saved with -v7.3:      --source mat --data_dir FILE
  arrays      gray.npy, uint8 or float32 (n, height, width):      --source npy --data_dir FOLDER"""


def add_arguments(parser: ArgumentParser) -> None:
    """Define the command's options."""
    parser.add_argument("directory", metavar="DIR", help="a folder, or one file")
    parser.add_argument(
        "--hashes", action="store_true", help="also compare the MD5 sums of STL-10, which takes a minute for gigabytes"
    )


def run(arguments: Namespace) -> int:
    """Print the data that a folder holds. Returns the exit status: 0 if any can be used, otherwise 1."""
    from diffnet_tf.data import recognise

    findings = recognise.recognise(arguments.directory, arguments.hashes)
    for finding in findings:
        print(f"{finding.path}: {finding.what}\n    {finding.advice}")
    if not findings:
        print(WHERE)
    return 0 if any(finding.usable for finding in findings) else 1
