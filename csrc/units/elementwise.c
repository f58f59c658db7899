/* Elementwise kernels and conversions. */
#define TK_UNIT tk_elementwise_
#define TK_BODIES "../units/elementwise.h"
#define ELEMENTWISE(...) {__VA_ARGS__}
#include "../kernels/unit.h"
