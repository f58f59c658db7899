#include "gemm.h"

#include <unistd.h>

#define SERIAL_WORK 32768 /* multiply-adds that take less than waking a thread, about 2 us */
#define TALL 64           /* strips of A a thread that make copying B's panels again cheap */
#define COPY_ROWS 4       /* strips of A from which copying B into panels pays for itself */

static int64_t ceil_div(int64_t a, int64_t b)
{
    return a / b + (a % b > 0);
}

static int64_t at_least(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t at_most(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t l2_bytes(void)
{
    static _Atomic int64_t known;
    if (!known) {
#ifdef _SC_LEVEL2_CACHE_SIZE
        int64_t n = sysconf(_SC_LEVEL2_CACHE_SIZE);
#else
        int64_t n = 0;
#endif
        known = n < (256 << 10) ? 256 << 10 : at_most(n, 4 << 20);
    }
    return known;
}

void tk_gemm_plan(tk_gemm *g, int element_bytes, int vector_bytes, int threads)
{
    int64_t mr = TK_GEMM_MR(vector_bytes), w = vector_bytes / element_bytes, nr = TK_GEMM_NV * w;
    int64_t kc = at_most(TK_GEMM_KC(element_bytes), g->k);
    int64_t batch = 1;
    for (int i = 0; i < g->batch_dims; i++)
        batch *= g->batch_size[i];
    if (batch <= 0 || g->m <= 0 || g->n <= 0) {
        g->units = 0;
        g->grain = 1;
        g->scratch = 0;
        return;
    }

    /* The step of a dimension of size 1 is free. */
    if (g->m == 1)
        g->a_row = 1;
    if (g->k == 1)
        g->a_col = 1;
    if (g->n == 1)
        g->b_col = 1;

    /* One block of B, kc x cols, takes half of the L2 cache. */
    int64_t most_cols = l2_bytes() / 2 / TK_GEMM_KC(element_bytes) / element_bytes / nr * nr;
    g->pack_b = g->b_col != 1 || g->m > COPY_ROWS * mr;
    g->a_down = g->a_row == 1;
    g->pack_a = !(g->a_row == 1 || g->a_col == 1) || (g->m > mr && g->n > 4 * nr);

    double matrix = (double)g->m * (double)g->n * (double)at_least(g->k, 1);
    double share = matrix * (double)batch / SERIAL_WORK;
    int64_t wanted = share < 2 ? 1 : share < threads ? (int64_t)share : threads;
    g->col_units = ceil_div(g->n, most_cols);
    /* Rows are split first, unless there are few of them. */
    if (batch * g->col_units * ceil_div(g->m, 2 * mr) < wanted)
        g->col_units = at_least(g->col_units, at_most(wanted, ceil_div(g->n, nr)));
    g->cols = ceil_div(ceil_div(g->n, g->col_units), nr) * nr;
    g->col_units = ceil_div(g->n, g->cols);
    /* Every piece copies its own panels of B, so pieces are few unless they are tall. */
    int64_t blocks = batch * g->col_units;
    int64_t pieces = g->m * g->col_units >= TALL * mr * wanted ? 4 * wanted : wanted;
    g->row_units = blocks % wanted == 0 ? 1 : ceil_div(pieces, blocks);
    g->row_units = at_least(1, at_most(g->row_units, g->m / mr));
    g->rows = ceil_div(g->m, g->row_units);
    g->row_units = ceil_div(g->m, g->rows);
    g->units = blocks * g->row_units;
    g->grain = wanted == 1 ? g->units : (int64_t)at_least(1, (int64_t)(SERIAL_WORK / matrix));

    int64_t cols = at_most(g->cols, ceil_div(g->n, w) * w);
    g->b_copy = (g->pack_b ? cols : g->n % nr ? nr : 0) * kc;
    int64_t a_copy = g->pack_a ? mr * kc + w : 0; /* a strip's last store may run over by a vector */
    g->scratch = (size_t)(at_least(1, g->b_copy + a_copy) * element_bytes);
}
