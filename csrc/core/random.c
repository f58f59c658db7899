/* The doors of the random numbers. A launch takes its groups from the generator's counter at once,
 * so concurrent launches on one generator never share a word. */
#include <float.h>
#include <math.h>

#include "core.h"

#define GRAIN 128        /* groups a thread must at least have: some ten microseconds of normals */
#define WORDS_A_GROUP 64 /* as in simd/philox.h, which is for the instruction sets' files only */

void tk_take_groups(tk_random_work *w, tk_generator *g, int64_t groups)
{
    w->generator = g;
    w->groups = groups;
    w->seed = g->seed;
    w->offset = __atomic_fetch_add(&g->offset, (uint64_t)groups, __ATOMIC_RELAXED);
}

static int64_t groups_of(int64_t numel, int words_each)
{
    int64_t each = WORDS_A_GROUP / words_each;
    return numel / each + (numel % each != 0);
}

static int check_output(int kernel, const tk_tensor *out)
{
    if (!(tk_kernels[kernel].dtypes >> out->dtype & 1)) {
        tk_fail(TK_DTYPE_ERROR, "%s: not defined for %s", tk_kernels[kernel].name,
                tk_dtype_names[out->dtype]);
        return -1;
    }
    return tk_check_writable(tk_kernels[kernel].name, out);
}

/* What the two parameters of a distribution must be; on a mistake, the words for it. */
static const char *parameter_mistake(int kernel, int dtype, double p, double q)
{
    const double most = dtype == TK_F32 ? (double)FLT_MAX : DBL_MAX;
    switch (kernel) {
    case TK_K_uniform:
        return p <= q && fabs(p) <= most && fabs(q) <= most && q - p <= most
                   ? NULL
                   : "the ends must be finite and in order";
    case TK_K_normal:
        return fabs(p) <= most && q >= 0 && q <= most
                   ? NULL
                   : "the mean must be finite, the standard deviation finite and not negative";
    case TK_K_exponential:
        return p > 0 && p <= most && q == 0 ? NULL : "the rate must be positive and finite";
    default: /* bernoulli, dropout_mask */
        return p >= 0 && p <= 1 ? NULL : "the probability must be between 0 and 1";
    }
}

int tk_random(int kernel, tk_tensor *out, tk_generator *g, double p, double q)
{
    if (tk_check_kernel(kernel, TK_FAMILY_RANDOM))
        return -1;
    const char *op = tk_kernel_name(kernel);
    if (kernel == TK_K_randint || kernel == TK_K_randperm) {
        tk_fail(TK_RUNTIME_ERROR, "%s: has a door of its own", op);
        return -1;
    }
    const char *mistake = parameter_mistake(kernel, out->dtype, p, q);
    if (mistake) {
        tk_fail(TK_VALUE_ERROR, "%s: %s; got %g and %g", op, mistake, p, q);
        return -1;
    }
    if (check_output(kernel, out))
        return -1;
    int one_word = out->dtype != TK_F64 || kernel == TK_K_bernoulli || kernel == TK_K_dropout_mask;
    int64_t groups = groups_of(out->numel, one_word ? 1 : 2);
    tk_random_work w = {.numel = out->numel, .p = p, .q = q};
    tk_take_groups(&w, g, groups);
    w.limit = one_word && p >= 0 && p <= 1 ? (uint64_t)(p * 0x1p32 + 0.5) : 0;
    tk_plan_map(&w.map, out, NULL, 0);
    tk_run(kernel, out->dtype, &w, groups, GRAIN);
    return 0;
}

tk_tensor *tk_drawn(int kernel, int dtype, int ndim, const int64_t *shape, tk_generator *g,
                    double p, double q)
{
    tk_tensor *out = tk_empty(dtype, ndim, shape);
    if (out && tk_random(kernel, out, g, p, q)) {
        tk_release(out);
        return NULL;
    }
    return out;
}

/* Whether every integer of [low, high) is a number of that dtype. */
static int holds(int dtype, int64_t low, int64_t high)
{
    static const int bits[TK_NUM_DTYPES] = {24, 53, 63, 31, 8, 1};
    if (dtype == TK_I64)
        return 1;
    int64_t end = (int64_t)1 << bits[dtype];
    if (dtype == TK_U8 || dtype == TK_BOOL)
        return low >= 0 && high <= end;
    return low >= -end && high - (dtype == TK_I32 ? 0 : 1) <= end;
}

int tk_randint(tk_tensor *out, tk_generator *g, int64_t low, int64_t high)
{
    if (low >= high) {
        tk_fail(TK_VALUE_ERROR, "randint: low must be below high; got %lld and %lld",
                (long long)low, (long long)high);
        return -1;
    }
    if (!holds(out->dtype, low, high)) {
        tk_fail(TK_VALUE_ERROR, "randint: %s does not hold every integer from %lld to %lld",
                tk_dtype_names[out->dtype], (long long)low, (long long)(high - 1));
        return -1;
    }
    if (check_output(TK_K_randint, out))
        return -1;
    uint64_t range = (uint64_t)high - (uint64_t)low;
    int64_t groups = groups_of(out->numel, range - 1 > UINT32_MAX ? 2 : 1);
    tk_random_work w = {.numel = out->numel, .low = low, .limit = range};
    tk_take_groups(&w, g, groups);
    tk_plan_map(&w.map, out, NULL, 0);
    tk_run(TK_K_randint, out->dtype, &w, groups, GRAIN);
    return 0;
}

int tk_randperm(tk_tensor *out, tk_generator *g)
{
    char text[TK_TEXT];
    if (out->ndim != 1) {
        tk_fail(TK_SHAPE_ERROR, "randperm: the output must have one dimension; got %s",
                tk_shape_text(text, out->ndim, out->shape));
        return -1;
    }
    if (check_output(TK_K_randperm, out))
        return -1;
    if (!holds(out->dtype, 0, out->numel)) {
        tk_fail(TK_VALUE_ERROR, "randperm: %s does not hold every integer below %lld",
                tk_dtype_names[out->dtype], (long long)out->numel);
        return -1;
    }
    tk_tensor *made = out->flags & TK_CONTIGUOUS ? tk_retain(out)
                                                 : tk_empty(out->dtype, 1, out->shape);
    if (!made)
        return -1;
    tk_random_work w = {.numel = out->numel};
    tk_take_groups(&w, g, groups_of(out->numel, out->numel - 1 > (int64_t)UINT32_MAX ? 2 : 1));
    tk_plan_map(&w.map, made, NULL, 0);
    tk_run(TK_K_randperm, out->dtype, &w, 1, 1);
    int status = made == out ? 0 : tk_copy_into(out, made);
    tk_release(made);
    return status;
}
