from .export import FORMATS as FORMATS
from .export import export_structure as export_structure
from .export import remanence as remanence
from .grain_map import Imported as Imported
from .options import ReadOptions as ReadOptions
from .reading import read_structure as read_structure
