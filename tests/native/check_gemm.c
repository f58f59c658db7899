/* Matrix products against a plain loop in long double: random sizes, steps, batches, epilogues, on
 * every instruction set the machine has; and the same bits whatever the threads and the rest of
 * the matrix.
 * Build: this file, all of csrc/core and csrc/isa with their flags, -Icsrc -pthread -lm. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/core.h"
#include "core/gemm.h"

extern tk_task *const tk_table_base[TK_NUM_KERNELS][TK_NUM_DTYPES];
#ifdef __x86_64__
extern tk_task *const tk_table_avx2[TK_NUM_KERNELS][TK_NUM_DTYPES];
extern tk_task *const tk_table_avx512[TK_NUM_KERNELS][TK_NUM_DTYPES];
#endif
static const struct {
    const char *name;
    tk_task *const (*table)[TK_NUM_DTYPES];
    int vector_bytes;
} isas[] = {
    {"base", tk_table_base, 16},
#ifdef __x86_64__
    {"avx2", tk_table_avx2, 32},
    {"avx512", tk_table_avx512, 64},
#endif
};
static const int sizes[TK_NUM_DTYPES] = {4, 8, 8, 4, 1, 1};

static uint64_t state = 1;
static uint64_t draw(uint64_t below)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % below;
}

static long double get(const char *p, int64_t i, int dtype)
{
    switch (dtype) {
    case TK_F32:
        return ((const float *)p)[i];
    case TK_F64:
        return ((const double *)p)[i];
    case TK_I64:
        return (long double)((const int64_t *)p)[i];
    case TK_I32:
        return (long double)((const int32_t *)p)[i];
    default:
        return (long double)((const uint8_t *)p)[i];
    }
}

static void set(char *p, int64_t i, int dtype, long double x)
{
    switch (dtype) {
    case TK_F32:
        ((float *)p)[i] = (float)x;
        break;
    case TK_F64:
        ((double *)p)[i] = (double)x;
        break;
    case TK_I64:
        ((int64_t *)p)[i] = (int64_t)x;
        break;
    case TK_I32:
        ((int32_t *)p)[i] = (int32_t)x;
        break;
    default:
        ((uint8_t *)p)[i] = (uint8_t)x;
    }
}

static char *filled(int64_t n, int dtype)
{
    char *p = malloc((size_t)(n * sizes[dtype]) + 1); /* exactly, for the address sanitizer */
    for (int64_t i = 0; i < n; i++)
        set(p, i, dtype, dtype <= TK_F64 ? (long double)draw(2001) / 1000 - 1 : draw(9));
    return p;
}

/* Random steps for a rows x cols operand; the number of elements it then spans. */
static int64_t steps(int64_t rows, int64_t cols, int64_t *row, int64_t *col)
{
    switch (draw(6)) {
    case 0:
        *col = 1;
        *row = cols + (int64_t)draw(3);
        break;
    case 1:
        *row = 1;
        *col = rows + (int64_t)draw(3);
        break;
    case 2:
        *col = 2;
        *row = 2 * cols + 1;
        break;
    case 3:
        *row = 3;
        *col = 3 * rows;
        break;
    case 4:
        *row = 0;
        *col = (int64_t)draw(2);
        break;
    default:
        *col = 1;
        *row = cols;
    }
    return (rows - 1) * *row + (cols - 1) * *col + 1;
}

static void run(int isa, int dtype, tk_gemm *g, int threads)
{
    if (tk_set_num_threads(threads))
        abort();
    tk_gemm_plan(g, dtype, isas[isa].vector_bytes, threads);
    if (tk_reserve_scratch(g->scratch))
        abort();
    if (g->units)
        tk_parallel(isas[isa].table[TK_K_matmul][dtype], g, g->units, g->grain);
}

static int failed(const char *what, int isa, int dtype, const tk_gemm *g)
{
    printf("%s: %s %s m %lld n %lld k %lld, a steps %lld %lld, b steps %lld %lld, add %d act %d\n",
           what, isas[isa].name, tk_dtype_names[dtype], (long long)g->m, (long long)g->n,
           (long long)g->k, (long long)g->a_row, (long long)g->a_col, (long long)g->b_row,
           (long long)g->b_col, g->accumulate, g->act);
    return 1;
}

static int check(int isa, int dtype, int64_t m, int64_t n, int64_t k)
{
    tk_gemm g = {.m = m, .n = n, .k = k};
    int64_t a_span = steps(m, k, &g.a_row, &g.a_col), b_span = steps(k, n, &g.b_row, &g.b_col);
    g.batch_dims = (int)draw(3);
    g.c_row = n + (int64_t)draw(4);
    int64_t c_span = m * g.c_row, matrices = 1, a_extra = 0, b_extra = 0;
    for (int d = g.batch_dims - 1; d >= 0; d--) {
        g.batch_size[d] = 1 + (int64_t)draw(3);
        g.c_batch[d] = c_span * matrices;
        g.a_batch[d] = (int64_t)draw(2) * (1 + (int64_t)draw(40));
        g.b_batch[d] = (int64_t)draw(2) * (1 + (int64_t)draw(40));
        a_extra += (g.batch_size[d] - 1) * g.a_batch[d];
        b_extra += (g.batch_size[d] - 1) * g.b_batch[d];
        matrices *= g.batch_size[d];
    }
    g.accumulate = draw(4) == 0;
    g.act = draw(3) == 0 ? TK_ACT_RELU : TK_ACT_NONE;
    g.bias_step = (int64_t)draw(2);
    if (a_span < 0 || k == 0 || m == 0)
        a_span = a_extra = 0;
    if (b_span < 0 || k == 0 || n == 0)
        b_span = b_extra = 0;
    char *a = filled(a_span + a_extra, dtype), *b = filled(b_span + b_extra, dtype);
    char *bias = filled(n + 1, dtype), *before = filled(c_span * matrices, dtype);
    size_t bytes = (size_t)(c_span * matrices * sizes[dtype]);
    char *c = malloc(bytes + 1), *first = malloc(bytes + 1);
    g.a = a;
    g.b = b;
    g.c = c;
    g.bias = draw(2) ? bias : NULL;

    int bad = 0, path = 0;
    static const int threads[] = {1, 2, 3, 7};
    for (int t = 0; t < 4 && !bad; t++) {
        tk_gemm again = g;
        memcpy(c, before, bytes);
        run(isa, dtype, &again, threads[t]);
        path = again.path;
        if (!t)
            memcpy(first, c, bytes);
        else if (memcmp(first, c, bytes))
            bad = failed("threads show", isa, dtype, &g);
    }
    for (int64_t x = 0; x < matrices && !bad; x++) {
        int64_t rest = x, ao = 0, bo = 0, co = 0;
        for (int d = g.batch_dims - 1; d >= 0; d--) {
            int64_t at = rest % g.batch_size[d];
            rest /= g.batch_size[d];
            ao += at * g.a_batch[d];
            bo += at * g.b_batch[d];
            co += at * g.c_batch[d];
        }
        for (int64_t i = 0; i < m && !bad; i++)
            for (int64_t j = 0; j < g.c_row && !bad; j++) {
                int64_t at = co + i * g.c_row + j;
                long double want = get(before, at, dtype), size = 1;
                if (j < n) {
                    if (!g.accumulate)
                        want = 0;
                    for (int64_t p = 0; p < k; p++) {
                        long double z = get(a, ao + i * g.a_row + p * g.a_col, dtype) *
                                        get(b, bo + p * g.b_row + j * g.b_col, dtype);
                        want += z;
                        size += fabsl(z);
                    }
                    if (g.bias)
                        want += get(bias, j * g.bias_step, dtype);
                    if (dtype == TK_U8)
                        want = (long double)(uint8_t)(uint64_t)want;
                    if (g.act == TK_ACT_RELU && want < 0)
                        want = 0;
                }
                long double epsilon = dtype == TK_F32 ? 1.2e-7L : dtype == TK_F64 ? 2.3e-16L : 0;
                long double most = 4 * epsilon * size * sqrtl((long double)k + 4);
                if (!(fabsl(get(first, at, dtype) - want) <= most))
                    bad = failed(j < n ? "wrong" : "wrote outside", isa, dtype, &g);
            }
    }

    /* Some rows alone have the bits they have in the whole, lanes of partial sums excepted. */
    if (!bad && m && n && dtype <= TK_F64) {
        tk_gemm one = g;
        int64_t i = (int64_t)draw((uint64_t)m);
        int64_t rows = one.m = 1 + (int64_t)draw((uint64_t)(m - i));
        one.a = a + i * g.a_row * sizes[dtype];
        one.c = c + i * g.c_row * sizes[dtype];
        memcpy(c, before, bytes);
        run(isa, dtype, &one, 1);
        int same_sums = (one.path == TK_GEMM_DOTS) == (path == TK_GEMM_DOTS);
        for (int64_t r = i; r < i + rows && !bad && same_sums; r++)
            if (memcmp(c + r * g.c_row * sizes[dtype], first + r * g.c_row * sizes[dtype],
                       (size_t)(n * sizes[dtype])))
                bad = failed("the other rows show", isa, dtype, &g);
    }
    free(a);
    free(b);
    free(bias);
    free(before);
    free(c);
    free(first);
    return bad;
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 300, bad = 0;
    if (tk_init(NULL)) {
        puts(tk_last_message());
        return 1;
    }
    for (size_t isa = 0; isa < sizeof isas / sizeof *isas; isa++) {
        if (!tk_isa_supported(isas[isa].name))
            continue;
        for (int dtype = TK_F32; dtype < TK_BOOL; dtype++)
            for (int i = 0; i < rounds && !bad; i++) {
                int64_t top = i % 10 == 0 ? 130 : i % 3 ? 20 : 50;
                int64_t m = (int64_t)draw((uint64_t)top), n = (int64_t)draw((uint64_t)top);
                int64_t k = (int64_t)draw(i % 10 == 5 ? 700 : (uint64_t)top);
                bad = check((int)isa, dtype, m, n, k);
            }
        printf("%s: %s\n", isas[isa].name, bad ? "failed" : "ok");
    }
    return bad;
}
