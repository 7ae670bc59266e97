"""Say what images a folder holds, what is missing, and which options use them."""

from argparse import ArgumentParser, Namespace

WHERE = """Nothing that this package knows. What it can use, and where to place it:
  images      PNG, JPEG or TIFF files of at least 96×96 pixels:   --source folder --data_dir FOLDER
  STL-10      unlabeled_X.bin from stl10_binary.tar.gz, 2.6 GB:   --source stl10_binary --data_dir FOLDER
              or stl10 as TensorFlow Datasets prepares it:        --source stl10 --data_dir ~/tensorflow_datasets
  authors'    .mat files with imagesInput, saved with -v7.3:      --source mat --data_dir FILE
  arrays      gray.npy, uint8 or float32 (n, height, width):      --source npy --data_dir FOLDER"""


def add_arguments(parser: ArgumentParser) -> None:
    """Define the command's options."""
    parser.add_argument("directory", metavar="DIR", help="a folder, or one file")
    parser.add_argument("--hashes", action="store_true", help="compare STL-10's MD5 sums too: a minute for gigabytes")


def run(arguments: Namespace) -> int:
    """Print what was found. Returns the exit status: 0 when something can be used, else 1."""
    from diffnet_tf.data import recognise

    findings = recognise.recognise(arguments.directory, arguments.hashes)
    for finding in findings:
        print(f"{finding.path}: {finding.what}\n    {finding.advice}")
    if not findings:
        print(WHERE)
    return 0 if any(finding.usable for finding in findings) else 1
