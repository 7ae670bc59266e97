"""What experiments share: options, trainings, measuring, the ledger of claims, pictures and the page."""
