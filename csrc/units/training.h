/* What training.c compiles for one element type. */
#include "../kernels/reduce.h"
#if TK_IS_FLOAT
#include "../kernels/map.h"
#include "../kernels/held.h"
#include "../kernels/norm.h"
#include "../kernels/softmax.h"
#endif
#include "../kernels/optim.h"
#include "../kernels/random.h"
#include "../kernels/entropy_columns.h"
#include "../kernels/loss.h"
#include "../kernels/margin.h"
