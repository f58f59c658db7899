/* The matmul family's kernels for one element type: from units to blocks of one matrix. */
static void TK_FN(matmul)(const void *work, int64_t lo, int64_t hi)
{
    const tk_gemm *g = work;
    tk_gemm_unit u = {.scratch = tk_scratch(g->scratch)};
    if (!u.scratch)
        return; /* unreachable: the door has reserved it */
    while (lo < hi) {
        int64_t row = lo % g->row_units, col = lo / g->row_units % g->col_units;
        int64_t matrix = lo / g->row_units / g->col_units;
        /* Units one below the other are done as one, so that a panel of B is copied once. */
        int64_t many = g->row_units - row < hi - lo ? g->row_units - row : hi - lo;
        if (g->held)
            many = 1; /* there is room for one */
        u.i0 = row * g->rows;
        u.i1 = (row + many) * g->rows < g->m ? (row + many) * g->rows : g->m;
        u.j0 = col * g->cols;
        u.j1 = u.j0 + g->cols < g->n ? u.j0 + g->cols : g->n;
        const T *a = (const T *)g->a, *b = (const T *)g->b;
        T *c = (T *)g->c;
        for (int d = g->batch_dims - 1; d >= 0; d--) {
            int64_t at = matrix % g->batch_size[d];
            matrix /= g->batch_size[d];
            a += at * g->a_batch[d];
            b += at * g->b_batch[d];
            c += at * g->c_batch[d];
        }
        TK_FN(matmul_unit)(g, a, b, c, &u);
        lo += many;
    }
}

/* The same with b's last two dimensions exchanged, which is the door's affair. */
static void TK_FN(linear)(const void *work, int64_t lo, int64_t hi)
{
    TK_FN(matmul)(work, lo, hi);
}
