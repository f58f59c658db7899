/* Matrix products. */
#define TK_UNIT tk_products_
#define TK_BODIES "../units/products.h"
#define PRODUCTS(...) {__VA_ARGS__}
#include "../kernels/unit.h"
