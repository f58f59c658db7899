/* Kernels for the lowest instruction set the compiler's target has. */
#define TK_VECTOR_BYTES 16
#define TK_TABLE tk_table_base
#include "../kernels/table.h"
