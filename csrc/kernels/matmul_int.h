/* Matrix products of an integer type; included once per type. Sums wrap around. The work and its
 * units are those of matmul.h. */
static void TK_FN(matmul_unit)(const tk_gemm *g, const T *a, const T *b, T *c,
                               const tk_gemm_unit *u)
{
    for (int64_t i = u->i0; i < u->i1; i++) {
        T *row = c + i * g->c_row;
        const T *addend = g->addend ? (const T *)g->addend + (row - (T *)g->c) : NULL;
        for (int64_t j = u->j0; j < u->j1; j++)
            row[j] = addend ? addend[j] : 0;
        for (int64_t p = 0; p < g->k; p++) {
            T x = a[i * g->a_row + p * g->a_col];
            const T *from = b + p * g->b_row;
            if (g->b_col == 1)
                for (int64_t j = u->j0; j < u->j1; j++)
                    row[j] = (T)(row[j] + x * from[j]);
            else
                for (int64_t j = u->j0; j < u->j1; j++)
                    row[j] = (T)(row[j] + x * from[j * g->b_col]);
        }
        for (int64_t j = u->j0; j < u->j1; j++) {
            if (g->bias)
                row[j] = (T)(row[j] + ((const T *)g->bias)[j * g->bias_step]);
            if (g->epilogue == TK_EPILOGUE_relu && row[j] < 1)
                row[j] = 0;
        }
    }
}
