/* A batched matrix product, C[b] = act(A[b] B[b] (+ C[b]) (+ bias)), and how it is cut.
 *
 * Every element of C is computed the same way whatever the cut: for each block of TK_GEMM_KC
 * values of k in turn, one chain of fused multiply-adds over ascending k, from zero; the blocks
 * are added in order, then bias, then act. So neither the number of threads nor the rest of the
 * matrix shows in its bits. The one exception is TK_GEMM_DOTS, chosen by shape and steps alone.
 */
#ifndef TK_GEMM_H
#define TK_GEMM_H

#include <stddef.h>
#include <stdint.h>

#include "../tk.h"

#define TK_GEMM_DIMS 16 /* batch dimensions */

/* Rows and vectors of the register block: acc + one row of B + a broadcast value fit in the 32 or
 * 16 vector registers there are. */
#ifdef __aarch64__
#define TK_GEMM_MR(vector_bytes) 14
#else
#define TK_GEMM_MR(vector_bytes) ((vector_bytes) == 64 ? 14 : 6)
#endif
#define TK_GEMM_NV 2

/* Values of k a block: a strip of A is then 14 KiB in float32, 28 in float64 (6 and 12 with 16
 * registers), and stays in a 32 KiB L1 while B streams past it. Shorter blocks mean more passes
 * over C: half of it costs float64 2 to 5%. The same on every instruction set: it decides the
 * bits. */
#define TK_GEMM_KC 256

enum {
    TK_GEMM_TILES,
    TK_GEMM_ROW, /* one row */
    TK_GEMM_DOTS /* few columns, k contiguous in both: lanes of partial sums, so other bits */
};

typedef struct {
    const char *a, *b, *bias; /* bias: n values, or one (bias_step 0), or NULL */
    char *c;                  /* columns are contiguous; aliases nothing else here */
    int64_t m, n, k;
    int64_t a_row, a_col, b_row, b_col, c_row; /* all steps in elements; 0 and negative are fine */
    int64_t bias_step;
    int batch_dims;
    int64_t batch_size[TK_GEMM_DIMS], a_batch[TK_GEMM_DIMS], b_batch[TK_GEMM_DIMS];
    int64_t c_batch[TK_GEMM_DIMS];
    int accumulate; /* add to what C holds */
    int act;        /* TK_ACT_* */

    /* The rest is set by tk_gemm_plan, which may also replace the product by its transpose: then
     * the steps of C's rows and columns are (1, c_row), and bias runs along the rows. */
    int path;
    int64_t c_col;
    /* A unit is a block of rows x cols of one matrix of C; rows vary fastest, then columns, then
     * the batch. */
    int64_t rows, cols, row_units, col_units, units, grain;
    int pack_a, pack_b; /* copy strips of A, panels of B into scratch first */
    int a_down;         /* without pack_a: A is read down its contiguous columns */
    int64_t b_copy;     /* elements of scratch for panels of B; strips of A follow */
    size_t scratch;     /* bytes the kernel wants of tk_scratch */
} tk_gemm;

/* A block of one matrix of C, as the kernel's inner function gets it. */
typedef struct {
    int64_t i0, i1, j0, j1; /* rows [i0, i1), columns [j0, j1) */
    void *scratch;
} tk_gemm_unit;

void tk_gemm_plan(tk_gemm *g, int dtype, int vector_bytes, int threads);

#endif
