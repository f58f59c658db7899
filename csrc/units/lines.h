/* What lines.c compiles for one element type. */
#include "../kernels/reduce.h"
#include "../kernels/positions.h"
#include "../kernels/scan.h"
#include "../kernels/extreme.h"
#if TK_IS_FLOAT
#include "../kernels/held.h"
#include "../kernels/norm.h"
#include "../kernels/moments.h"
#include "../kernels/softmax.h"
#endif
