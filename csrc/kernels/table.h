/* The kernel table of one instruction set. An isa/NAME.c defines TK_VECTOR_BYTES and TK_TABLE and
 * includes this; its compiler flags decide the rest. */
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

__attribute__((visibility("hidden"))) tk_task *const TK_TABLE[][TK_NUM_DTYPES] = {
#define KERNEL(name, family, dtypes, result) {dtypes(name)},
#include "../kernels.def"
#undef KERNEL
};
