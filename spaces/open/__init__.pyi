from .families import FAMILIES as FAMILIES
from .space import Open as Open
