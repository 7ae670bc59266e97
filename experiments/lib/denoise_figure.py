from diffnet_tf import figures


@figures.styled
def draw(record, arrays):
    figure, _ = figures.plots(1, 1, caption(record))
    return figure


def caption(record):
    return "x"


def alt(record):
    return "x"
