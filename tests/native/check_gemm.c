/* Matrix products against a plain loop in long double: random sizes, steps, batches, epilogues, on
 * every instruction set the machine has; and the same bits whatever the threads and the rest of
 * the matrix.
 * Build: this file, all of csrc/core and csrc/units with their flags, -Icsrc -pthread -lm. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/core.h"
#include "core/gemm.h"

static const char *const isas[] = {"base", "avx2", "avx512"};
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
    switch (draw(7)) {
    case 6: /* rows that meet in few sets of a cache */
        *col = 1;
        *row = (cols / 512 + 1) * 512;
        break;
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

static void run(int dtype, tk_gemm *g, int threads)
{
    if (tk_set_num_threads(threads))
        abort();
    tk_gemm_plan(g, dtype, tk_vector_bytes(), threads);
    if (tk_reserve_scratch(g->scratch))
        abort();
    if (g->units)
        tk_parallel(tk_kernel_task(TK_K_matmul, dtype), g, g->units, g->grain);
}

/* Leaves g planned for the product alone, its operands and what follows as they are. */
static void plan_without(int dtype, tk_gemm *g)
{
    tk_gemm whole = *g;
    g->bias = g->addend = g->saved = NULL;
    g->epilogue = TK_EPILOGUE_none;
    tk_gemm_plan(g, dtype, tk_vector_bytes(), 3);
    g->bias = whole.bias;
    g->addend = whole.addend;
    g->saved = whole.saved;
    g->epilogue = whole.epilogue;
}

static int failed(const char *what, int dtype, const tk_gemm *g)
{
    printf("%s: %s %s m %lld n %lld k %lld, a steps %lld %lld, b steps %lld %lld, add %d epilogue %d\n",
           what, tk_isa(), tk_dtype_names[dtype], (long long)g->m, (long long)g->n,
           (long long)g->k, (long long)g->a_row, (long long)g->a_col, (long long)g->b_row,
           (long long)g->b_col, g->addend != NULL, g->epilogue);
    return 1;
}

/* The elementwise kernel on tensors laid out as `rows` rows of g's C. */
static void map(int dtype, int kernel, char *out, const char *x, const char *y,
                int64_t rows, const tk_gemm *g)
{
    tk_map_work w = {.data = {out, (char *)x, (char *)y}, .p = g->p, .q = g->q, .ndim = 2};
    w.size[0] = rows;
    w.size[1] = g->n;
    for (int i = 0; i < TK_MAP_OPERANDS; i++) {
        w.stride[i][0] = g->c_row * sizes[dtype];
        w.stride[i][1] = sizes[dtype];
    }
    if (rows && g->n)
        tk_kernel_task(kernel, dtype)(&w, 0, rows * g->n);
}

/* Runs g without what follows the product, then that kernel by kernel on all `rows` rows of C;
 * nonzero if the bits are not those of `fused`. `out` is scratch, the bytes of C. */
static int fusion_shows(int dtype, const tk_gemm *g, const char *before, char *out,
                        const char *fused, int64_t rows)
{
    static const int kernels[TK_NUM_EPILOGUES] = {
#define TK_EPILOGUE(name) [TK_EPILOGUE_##name] = TK_K_##name,
        TK_EPILOGUES(TK_EPILOGUE)
#undef TK_EPILOGUE
    };
    int64_t width = g->c_row * sizes[dtype];
    tk_gemm plain = *g;
    plain.c = out;
    plain.addend = plain.saved = NULL;
    plain.epilogue = TK_EPILOGUE_none;
    memcpy(out, before, (size_t)(rows * width));
    run(dtype, &plain, 1);
    if (g->addend)
        map(dtype, TK_K_add, out, g->addend == g->c ? before : g->addend, out, rows, g);
    if (g->epilogue)
        map(dtype, kernels[g->epilogue], out, out, g->saved ? g->saved : out, rows, g);
    for (int64_t i = 0; i < rows; i++)
        if (memcmp(out + i * width, fused + i * width, (size_t)(g->n * sizes[dtype])))
            return 1;
    return 0;
}

static int check(int dtype, int64_t m, int64_t n, int64_t k)
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
    g.epilogue = (int)draw(2 * TK_NUM_EPILOGUES);
    if (g.epilogue >= TK_NUM_EPILOGUES || (dtype > TK_F64 && g.epilogue != TK_EPILOGUE_relu))
        g.epilogue = TK_EPILOGUE_none;
    g.p = 0.5;
    g.q = 20;
    g.bias_step = (int64_t)draw(2);
    if (a_span < 0 || k == 0 || m == 0)
        a_span = a_extra = 0;
    if (b_span < 0 || k == 0 || n == 0)
        b_span = b_extra = 0;
    char *a = filled(a_span + a_extra, dtype), *b = filled(b_span + b_extra, dtype);
    char *bias = filled(n + 1, dtype), *before = filled(c_span * matrices, dtype);
    char *addend = filled(c_span * matrices, dtype), *saved = filled(c_span * matrices, dtype);
    size_t bytes = (size_t)(c_span * matrices * sizes[dtype]);
    char *c = malloc(bytes + 1), *first = malloc(bytes + 1);
    g.a = a;
    g.b = b;
    g.c = c;
    g.bias = draw(2) ? bias : NULL;
    const char *addends[4] = {NULL, NULL, addend, c};
    g.addend = addends[draw(4)];
    g.saved = saved;

    static int64_t last_cache;
    if (!last_cache)
        last_cache = tk_last_cache;
    tk_last_cache = draw(2) ? last_cache : 64 << 10; /* small: operands come from memory */

    int bad = 0, path = 0;
    static const int threads[] = {1, 2, 3, 7};
    for (int t = 0; t < 4 && !bad; t++) {
        tk_gemm again = g;
        memcpy(c, before, bytes);
        if (draw(2)) /* as for a product that was recorded with nothing fused to it */
            plan_without(dtype, &again);
        run(dtype, &again, threads[t]);
        path = again.path;
        if (!t)
            memcpy(first, c, bytes);
        else if (memcmp(first, c, bytes))
            bad = failed("threads show", dtype, &g);
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
                    if (g.epilogue) /* compared with the kernel of that name instead */
                        break;
                    want = !g.addend ? 0 : g.addend == c ? want : get(addend, at, dtype);
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
                }
                long double epsilon = dtype == TK_F32 ? 1.2e-7L : dtype == TK_F64 ? 2.3e-16L : 0;
                long double most = 4 * epsilon * size * sqrtl((long double)k + 4);
                if (!(fabsl(get(first, at, dtype) - want) <= most))
                    bad = failed(j < n ? "wrong" : "wrote outside", dtype, &g);
            }
    }

    if (!bad && fusion_shows(dtype, &g, before, c, first, matrices * m))
        bad = failed("fusion shows", dtype, &g);

    /* Some rows alone have the bits they have in the whole, lanes of partial sums excepted. */
    if (!bad && m && n && dtype <= TK_F64) {
        tk_gemm one = g;
        int64_t i = (int64_t)draw((uint64_t)m);
        int64_t rows = one.m = 1 + (int64_t)draw((uint64_t)(m - i));
        one.a = a + i * g.a_row * sizes[dtype];
        one.c = c + i * g.c_row * sizes[dtype];
        one.saved = saved + i * g.c_row * sizes[dtype];
        if (g.addend)
            one.addend = g.addend + i * g.c_row * sizes[dtype];
        memcpy(c, before, bytes);
        run(dtype, &one, 1);
        int same_sums = (one.path == TK_GEMM_DOTS) == (path == TK_GEMM_DOTS);
        for (int64_t r = i; r < i + rows && !bad && same_sums; r++)
            if (memcmp(c + r * g.c_row * sizes[dtype], first + r * g.c_row * sizes[dtype],
                       (size_t)(n * sizes[dtype])))
                bad = failed("the other rows show", dtype, &g);
    }
    free(a);
    free(b);
    free(bias);
    free(before);
    free(addend);
    free(saved);
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
        if (!tk_isa_supported(isas[isa]) || tk_choose_isa(isas[isa]))
            continue;
        for (int dtype = TK_F32; dtype < TK_BOOL; dtype++)
            for (int i = 0; i < rounds && !bad; i++) {
                int64_t top = i % 10 == 0 ? 130 : i % 3 ? 20 : 50;
                int64_t m = (int64_t)draw((uint64_t)top), n = (int64_t)draw((uint64_t)top);
                int64_t k = (int64_t)draw(i % 10 == 5 ? 700 : (uint64_t)top);
                if (i % 100 == 25) /* several pieces of held sums, panels cut by cache */
                    m = 300 + (int64_t)draw(40), n = 400 + (int64_t)draw(300);
                if (i % 10 == 7) /* a row: its every number of vectors; long */
                    m = 1, n = i % 20 == 7 ? 1 + (int64_t)draw(140) : 900 + (int64_t)draw(400);
                if (i % 40 == 4) /* a long row in parts */
                    m = 1, n = 4000 + (int64_t)draw(6000), k = 5 + (int64_t)draw(16);
                if (i % 10 == 9) /* dot products with one column */
                    n = 1, k = 20 + (int64_t)draw(700);
                if (i % 10 == 8)
                    k = 1, n = 100 + (int64_t)draw(300);
                bad = check(dtype, m, n, k);
            }
        printf("%s: %s\n", isas[isa], bad ? "failed" : "ok");
    }
    return bad;
}
