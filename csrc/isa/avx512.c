/* Kernels for AVX-512 F, DQ, BW and VL. */
#define TK_VECTOR_BYTES 64
#define TK_TABLE tk_table_avx512
#include "../kernels/table.h"
