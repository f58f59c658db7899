/* Every kernel body for one element type; included by table.h once per type. */
#include "../simd/vec.h"
#if TK_IS_FLOAT
#include "../simd/math.h"
#endif
#include "map.h"
#include "cast.h"
#include "reduce.h"
#include "scan.h"
#include "extreme.h"
#if TK_IS_FLOAT
#include "held.h"
#include "norm.h"
#include "moments.h"
#include "softmax.h"
#endif
#include "optim.h"
#if TK_IS_FLOAT
#include "matmul.h"
#include "matmul_units.h"
#elif !TK_IS_BOOL
#include "matmul_int.h"
#include "matmul_units.h"
#endif
#include "random.h"
#include "index.h"
#if TK_IS_FLOAT
#include "bag.h"
#endif
#include "sort.h"
#include "entropy_columns.h"
#include "loss.h"
#include "margin.h"
#include "host.h"
#undef TK_SUFFIX
#undef TK_SCALAR
#undef TK_SIGNED
#undef TK_IS_FLOAT
#undef TK_IS_BOOL
