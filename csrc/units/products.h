/* What products.c compiles for one element type. */
#if TK_IS_FLOAT
#include "../kernels/map.h" /* epilogues are elementwise */
#include "../kernels/matmul.h"
#include "../kernels/matmul_units.h"
#elif !TK_IS_BOOL
#include "../kernels/matmul_int.h"
#include "../kernels/matmul_units.h"
#endif
