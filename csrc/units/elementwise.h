/* What elementwise.c compiles for one element type. */
#include "../kernels/map.h"
#include "../kernels/cast.h"
