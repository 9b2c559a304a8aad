// Compiled as a member of `ir`: must fail, for pass.h belongs to `transforms`, above it.
#include "whittle/pass.h"
