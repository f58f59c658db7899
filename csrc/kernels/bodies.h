/* The bodies of a unit for one element type; included by unit.h once per type. */
#include "../simd/vec.h"
#if TK_IS_FLOAT
#include "../simd/math.h"
#endif
#include TK_BODIES
#undef TK_SUFFIX
#undef TK_SCALAR
#undef TK_SIGNED
#undef TK_IS_FLOAT
#undef TK_IS_BOOL
