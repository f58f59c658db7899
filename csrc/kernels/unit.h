/* The kernels of one unit for one instruction set. A units/NAME.c says which families they are of and
 * which headers have their bodies, and includes this; the compiler's flags name the instruction set
 * and decide the rest. So a change of one family compiles a fifth of the kernels anew. */
#include <stddef.h>

#include "../core/gemm.h"
#include "../core/pool.h"
#include "../simd/philox.h"
#include "../simd/names.h"
#include "lines.h"
#include "list.h"
#include "move.h"
#include "rows.h"
#include "scan_lines.h"
#include "short_rows.h"
#include "work.h"

#define TK_IS_I64_i64 1 /* TK_CAT(TK_IS_I64, TK_SUFFIX) is true for int64 alone */

/* float64 before float32, which computes some functions in it */
#define TK_SUFFIX _f64
#define TK_SCALAR double
#define TK_SIGNED int64_t
#define TK_IS_FLOAT 1
#define TK_IS_BOOL 0
#include "bodies.h"

#define TK_SUFFIX _f32
#define TK_SCALAR float
#define TK_SIGNED int32_t
#define TK_IS_FLOAT 1
#define TK_IS_BOOL 0
#include "bodies.h"

#define TK_SUFFIX _i64
#define TK_SCALAR int64_t
#define TK_SIGNED int64_t
#define TK_IS_FLOAT 0
#define TK_IS_BOOL 0
#include "bodies.h"

#define TK_SUFFIX _i32
#define TK_SCALAR int32_t
#define TK_SIGNED int32_t
#define TK_IS_FLOAT 0
#define TK_IS_BOOL 0
#include "bodies.h"

#define TK_SUFFIX _u8
#define TK_SCALAR uint8_t
#define TK_SIGNED int8_t
#define TK_IS_FLOAT 0
#define TK_IS_BOOL 0
#include "bodies.h"

#define TK_SUFFIX _bool
#define TK_SCALAR uint8_t
#define TK_SIGNED int8_t
#define TK_IS_FLOAT 0
#define TK_IS_BOOL 1
#include "bodies.h"

#define FLOAT(name) [TK_F32] = name##_f32, [TK_F64] = name##_f64
#define INT(name) [TK_I64] = name##_i64, [TK_I32] = name##_i32, [TK_U8] = name##_u8
#define NUM(name) FLOAT(name), INT(name)
#define ALL(name) NUM(name), [TK_BOOL] = name##_bool
#define LOGIC(name) INT(name), [TK_BOOL] = name##_bool
#define BOOL(name) [TK_BOOL] = name##_bool

/* Which unit has the kernels of a family. */
#define UNIT_OF_MAP1 ELEMENTWISE
#define UNIT_OF_MAP2 ELEMENTWISE
#define UNIT_OF_MAP3 ELEMENTWISE
#define UNIT_OF_WHERE ELEMENTWISE
#define UNIT_OF_CAST ELEMENTWISE
#define UNIT_OF_REDUCE LINEWISE
#define UNIT_OF_SCAN LINEWISE
#define UNIT_OF_ROWS LINEWISE
#define UNIT_OF_NORM LINEWISE
#define UNIT_OF_MATMUL PRODUCTS
#define UNIT_OF_INDEX MOVEMENT
#define UNIT_OF_BAG MOVEMENT
#define UNIT_OF_PLACE MOVEMENT
#define UNIT_OF_SORT MOVEMENT
#define UNIT_OF_HOST MOVEMENT
#define UNIT_OF_OPTIM TRAINING
#define UNIT_OF_LIST TRAINING
#define UNIT_OF_RANDOM TRAINING
#define UNIT_OF_LOSS TRAINING

/* The unit that is compiled defines its own of these; the rows of the others are empty here. */
#ifndef ELEMENTWISE
#define ELEMENTWISE(...) {0}
#endif
#ifndef LINEWISE
#define LINEWISE(...) {0}
#endif
#ifndef PRODUCTS
#define PRODUCTS(...) {0}
#endif
#ifndef MOVEMENT
#define MOVEMENT(...) {0}
#endif
#ifndef TRAINING
#define TRAINING(...) {0}
#endif

__attribute__((visibility("hidden"))) tk_task *const TK_CAT(TK_UNIT, TK_ISA)[][TK_NUM_DTYPES] = {
#define KERNEL(name, family, dtypes, result) UNIT_OF_##family(dtypes(name)),
#include "../kernels.def"
#undef KERNEL
};
