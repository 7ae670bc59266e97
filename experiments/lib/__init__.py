"""What experiments share: options, trainings, measurements, the ledger of claims, pictures and the page."""
