// npy.h: NumPy's array files, versions 1 to 3.
//
//   93 4e 55 4d 50 59   major minor   length of the header (2 or 4 bytes)   header   data
//   header: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
//
// bytes (S) and text (U, as UTF-8) become strings; two-byte void is bfloat16, as ml_dtypes writes it.
// Pickled objects and records are refused.
#ifndef WHITTLE_VERIFY_NPY_H_
#define WHITTLE_VERIFY_NPY_H_

#include "fit.h"

namespace whittle::verify {

Result<Tensor> read_npy(std::string_view file, Allowance& allowance);

}  // namespace whittle::verify

#endif  // WHITTLE_VERIFY_NPY_H_
