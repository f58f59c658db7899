/* Kernels for AVX2 with FMA. */
#define TK_VECTOR_BYTES 32
#define TK_TABLE tk_table_avx2
#include "../kernels/table.h"
