/* Matrix products of a floating type: what all ways to compute them share. Included once per type. */
#include "matmul_ask.h"

#define KC TK_GEMM_KC

TK_INLINE V TK_FN(gemm_load)(const T *p, int n)
{
    return n == W ? v_load(p) : v_load_part(p, n);
}

TK_INLINE void TK_FN(gemm_store)(T *p, V x, int n)
{
    if (n == W)
        v_store(p, x);
    else
        v_store_part(p, x, n);
}

/* n values of C: what is there or x alone (then `so_far` is NULL), bias and addend. */
TK_INLINE void TK_FN(gemm_emit)(T *to, const T *so_far, V x, int n, const V *bias, const T *addend)
{
    if (so_far)
        x = TK_FN(gemm_load)(so_far, n) + x;
    if (bias)
        x += *bias;
    if (addend)
        x = TK_FN(gemm_load)(addend, n) + x;
    TK_FN(gemm_store)(to, x, n);
}

/* What is laid out as C, at the place of an element of C; NULL if there is none. */
TK_INLINE const T *TK_FN(gemm_beside)(const tk_gemm *g, const char *like_c, const T *to)
{
    return like_c ? (const T *)like_c + (to - (const T *)g->c) : NULL;
}

/* The epilogue of n contiguous values of C, which are in the cache still. Whatever their places
 * in vectors, an elementwise kernel gives the same bits. */
TK_OUTLINE void TK_FN(gemm_end)(const tk_gemm *g, T *c, int64_t n)
{
    const T *saved = TK_FN(gemm_beside)(g, g->saved ? g->saved : g->c, c);
    const V p = v_set((T)g->p), q = v_set((T)g->q), z = p;
    switch (g->epilogue) {
#define TK_EPILOGUE(name)                                                                          \
    case TK_EPILOGUE_##name:                                                                       \
        for (int64_t i = 0; i < n; i += W) {                                                       \
            int left = n - i < W ? (int)(n - i) : W;                                               \
            V x = TK_FN(gemm_load)(c + i, left), y = TK_FN(gemm_load)(saved + i, left);            \
            TK_FN(gemm_store)(c + i, TK_FN(name##_of)(x, y, z, p, q), left);                       \
        }                                                                                          \
        break;
        TK_EPILOGUES(TK_EPILOGUE)
#undef TK_EPILOGUE
    }
}

TK_INLINE V TK_FN(gemm_bias)(const T *bias, int64_t step, int n)
{
    return !step ? v_set(*bias) : n == W ? v_load(bias) : v_load_part(bias, n);
}

#include "matmul_blocks.h"
#include "matmul_rows.h"
#include "matmul_dots.h"

static void TK_FN(matmul_unit)(const tk_gemm *g, const T *a, const T *b, T *c,
                               const tk_gemm_unit *u)
{
    if (g->path == TK_GEMM_DOTS)
        TK_FN(gemm_dotted)(g, a, b, c, u);
    else if (g->path == TK_GEMM_LONG_ROW)
        TK_FN(gemm_long_row)(g, a, b, c, u);
    else if (g->path == TK_GEMM_ROWS)
        TK_FN(gemm_rows_alone)(g, a, b, c, u);
    else
        TK_FN(gemm_tiled)(g, a, b, c, u);
}
#undef KC
