def draw(record, arrays):
    pass


caption = alt = draw
