/* A batched matrix product, C[b] = epilogue(addend + (A[b] B[b] + bias), saved), and how it is cut:
 * the work struct of the family MATMUL.
 *
 * Every element of C is computed the same way whatever the cut: for each block of TK_GEMM_KC
 * values of k in turn, one chain of fused multiply-adds over ascending k, from zero; the blocks
 * are added in order. So neither the number of threads nor the rest of the matrix shows in its
 * bits. The one exception is TK_GEMM_DOTS, chosen by shape and steps alone. What follows the
 * product is rounded step by step: the bits are those of the kernels add and `epilogue` run after
 * it.
 *
 * To fuse what follows a recorded product, or to run it on other memory: change the first part of
 * the struct, call tk_gemm_plan again (it may be called any number of times; it must be for another
 * instruction set) and tk_reserve_scratch(g->scratch) in the thread that will run it, which costs
 * a comparison once the scratch is there; then tk_run with g->units and g->grain. The scratch is
 * the pool's, one block a thread, and the struct points nowhere but to the operands.
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
#define TK_GEMM_HALVES(vector_bytes) ((vector_bytes) == 64) /* a narrow block of half vectors */

/* Values of k a block: a strip of A is then 14 KiB in float32, 28 in float64 (6 and 12 with 16
 * registers), and stays in a 32 KiB L1 while B streams past it. Shorter blocks mean more passes
 * over C: half of it costs float64 2 to 5%. The same on every instruction set: it decides the
 * bits. */
#define TK_GEMM_KC 256

/* Rows of a panel of B, and values of a copied row of A, of so many values of k: with a gap, or
 * what is used together would lie whole pages apart, in the same sets of L1. */
#define TK_GEMM_PANEL(k) ((k) + 1)
#define TK_GEMM_COPIED(k, size) ((k) + 64 / (int64_t)(size))

/* Bytes of a long row that are summed up at a time: a page of each row of B; where B comes from
 * memory, as much as leaves L2 to its rows, whose ends the processor does not foresee. */
#define TK_GEMM_LONG 4096
#define TK_GEMM_FAR 32768

/* Columns, half in float64, up to which a product may be done by lanes of partial sums. */
#define TK_GEMM_FEW 8

/* The elementwise kernels that can end a product: x is what the product gives, y is `saved`. */
#define TK_EPILOGUES(E) \
    E(relu) E(leaky_relu) E(elu) E(gelu) E(gelu_tanh) E(silu) E(softplus) E(tanh) E(sigmoid) \
    E(relu_backward) E(leaky_relu_backward) E(elu_backward) E(gelu_backward) \
    E(gelu_tanh_backward) E(silu_backward) E(softplus_backward) E(tanh_backward) \
    E(sigmoid_backward) E(mul)
enum {
    TK_EPILOGUE_none,
#define TK_EPILOGUE(name) TK_EPILOGUE_##name,
    TK_EPILOGUES(TK_EPILOGUE)
#undef TK_EPILOGUE
    TK_NUM_EPILOGUES
};

enum {
    TK_GEMM_TILES,
    TK_GEMM_ROWS,     /* one row, rows of single products, or a few short ones */
    TK_GEMM_LONG_ROW, /* one */
    TK_GEMM_DOTS      /* few columns, k contiguous in both: lanes of partial sums, so other bits */
};

typedef struct {
    const char *a, *b, *bias; /* bias: n values, or one (bias_step 0), or NULL */
    const char *addend;       /* laid out as C, or C itself: C += A B; or NULL */
    const char *saved;        /* laid out as C, apart from it; NULL where the epilogue reads none */
    char *c;                  /* columns are contiguous; aliases nothing here but the addend */
    int64_t m, n, k;
    int64_t a_row, a_col, b_row, b_col, c_row; /* all steps in elements; 0 and negative are fine */
    int64_t bias_step;
    int batch_dims;
    int64_t batch_size[TK_GEMM_DIMS], a_batch[TK_GEMM_DIMS], b_batch[TK_GEMM_DIMS];
    int64_t c_batch[TK_GEMM_DIMS];
    int epilogue; /* TK_EPILOGUE_*; integers have none but relu */
    double p, q;  /* its parameters, those of tk_map_work */

    /* The rest is zero before tk_gemm_plan sets it. It may also replace the product by its
     * transpose: then the steps of C's rows and columns are (1, c_row), and bias runs along the
     * rows. */
    int path;
    int64_t c_col;
    /* A unit is a block of rows x cols of one matrix of C; rows vary fastest, then columns, then
     * the batch. */
    int64_t rows, cols, row_units, col_units, units, grain;
    int64_t block_rows, block_cols; /* of a unit: what is done with one copy of A, of B */
    int pack_a, pack_b; /* copy strips of A, panels of B into scratch first */
    int ahead; /* without pack_b: ask for the next tile's columns, too far apart to be foreseen */
    int asks; /* for the next strip of A and block of B: they are not in the second cache yet */
    int keep_a;         /* for the next block of columns */
    int far; /* of a vector's matrix: it comes from memory, and is read more at a time, or ahead */
    int64_t strip;      /* rows of a strip, at most */
    int64_t ask_a, ask_b, ask_c; /* bytes to ask for of a batch's next matrices meanwhile */
    int a_down;         /* without pack_a: A is read down its contiguous columns */
    /* elements of scratch for panels of B or the sums of a long row; then for tiles of partial
     * sums, where C cannot hold them because it is the addend; a strip of A follows */
    int64_t b_copy, held;
    size_t scratch;     /* bytes the kernel wants of tk_scratch */
} tk_gemm;

/* A block of one matrix of C, as the kernel's inner function gets it. */
typedef struct {
    int64_t i0, i1, j0, j1; /* rows [i0, i1), columns [j0, j1) */
    void *scratch;
    const char *next_a, *next_b, *next_c; /* the batch's next matrices; NULL at its end */
} tk_gemm_unit;

/* How a tile reads A: down its contiguous columns, or a copied strip; along its contiguous rows; or
 * down, and copying them for the tiles beside it. */
enum { TK_DOWN, TK_ALONG, TK_COPYING };

/* What of it is done with one copy of A and B. */
typedef struct {
    int64_t i0, i1, j0, j1, k0, k; /* values [k0, k0 + k) of the sums */
    int pack_a;                    /* strips of A are to be copied */
    /* the block of B that comes next; no columns: none */
    int64_t next_j0, next_cols, next_k0, next_k;
} tk_gemm_block;

void tk_gemm_plan(tk_gemm *g, int dtype, int vector_bytes, int threads);

/* The epilogue that does to a product of that dtype what this elementwise kernel does, or -1. */
int tk_gemm_epilogue(int kernel, int dtype);

#endif
