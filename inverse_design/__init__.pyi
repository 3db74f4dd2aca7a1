from .api import design as design
from .goals import Goal as Goal
from .loop import run_study as run_study
from .run.design import Design as Design
from .run.verified import Verified as Verified
from .study.reading import StudyError as StudyError
from .study.reading import load_study as load_study
from .study.study import Study as Study

STARTED: float
__version__: str
