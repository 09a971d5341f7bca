from tests.support.plant import Reader as PlantReader


class Reader(PlantReader):
    proves_absence = False
