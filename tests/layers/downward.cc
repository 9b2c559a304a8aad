// Compiled as a member of `ir`: a header of a lower layer is in sight.
#include "whittle/tensor.h"
