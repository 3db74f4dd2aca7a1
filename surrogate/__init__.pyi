from .architecture import GrainDecoderArchitecture as GrainDecoderArchitecture
from .architecture import RegressorArchitecture as RegressorArchitecture
from .architecture import VAEArchitecture as VAEArchitecture
from .autoencoder import Autoencoder as Autoencoder
from .encoding import Encoding as Encoding
from .fitting import History as History
from .fitting import save_history as save_history
from .grain_decoder import GrainDecoder as GrainDecoder
from .grain_training import train_grain_decoder as train_grain_decoder
from .images import FamilyImages as FamilyImages
from .settings import GrainDecoderTraining as GrainDecoderTraining
from .settings import RegressorTraining as RegressorTraining
from .settings import Schedule as Schedule
from .settings import VAETraining as VAETraining
from .surrogate import Surrogate as Surrogate
from .training import continue_training as continue_training
from .training import train_regressor as train_regressor
from .training import train_vae as train_vae

__version__: str
