/* What movement.c compiles for one element type. */
#include "../kernels/reduce.h"
#include "../kernels/index.h"
#if TK_IS_FLOAT
#include "../kernels/held.h"
#include "../kernels/norm.h"
#include "../kernels/bag.h"
#endif
#include "../kernels/sort.h"
#include "../kernels/host.h"
