/* The door of the matmul family: shape rules, batches, and the product's description. */
#include "core.h"
#include "gemm.h"

/* An operand seen as matrices; a vector is a matrix of one row or one column. */
typedef struct {
    int64_t rows, cols, row_step, col_step;
    int batch_dims; /* leading dimensions of its shape */
} matrix;

static matrix as_matrix(const tk_tensor *t, int vector_is_row, int transposed)
{
    int last = t->ndim - 1;
    matrix m;
    if (t->ndim == 1) {
        m = (matrix){t->shape[0], 1, t->stride[0], 0, 0};
        transposed = vector_is_row;
    } else {
        m = (matrix){t->shape[last - 1], t->shape[last], t->stride[last - 1], t->stride[last],
                     t->ndim - 2};
    }
    if (transposed)
        m = (matrix){m.cols, m.rows, m.col_step, m.row_step, m.batch_dims};
    return m;
}

static int check_operands(const char *op, const tk_tensor *a, const tk_tensor *b,
                          const tk_tensor *bias)
{
    char x[TK_TEXT], y[TK_TEXT];
    if (a->ndim < 1 || b->ndim < 1) {
        tk_fail(TK_SHAPE_ERROR, "%s: an operand has no dimensions; got %s and %s", op,
                tk_shape_text(x, a->ndim, a->shape), tk_shape_text(y, b->ndim, b->shape));
        return -1;
    }
    const tk_tensor *other = a->dtype == b->dtype && bias ? bias : b;
    if (other->dtype != a->dtype) {
        tk_fail(TK_DTYPE_ERROR, "%s: dtypes differ, %s and %s", op, tk_dtype_names[a->dtype],
                tk_dtype_names[other->dtype]);
        return -1;
    }
    return 0;
}

/* Fills in the batch of a product whose c is row-major; -1 with an error where it does not fit. */
static int plan_batch(tk_gemm *g, const char *op, const tk_tensor *a, const matrix *am,
                      const tk_tensor *b, const matrix *bm)
{
    g->batch_dims = 0;
    if (!am->batch_dims && !bm->batch_dims)
        return 0;
    tk_tensor leading[2] = {*a, *b}, *both[2] = {&leading[0], &leading[1]};
    int64_t shape[TK_MAX_NDIM], c_step = g->m * g->n;
    char x[TK_TEXT], y[TK_TEXT];
    leading[0].ndim = am->batch_dims;
    leading[1].ndim = bm->batch_dims;
    g->batch_dims = tk_broadcast(2, both, shape);
    if (g->batch_dims < 0) {
        tk_fail(TK_SHAPE_ERROR, "%s: batch sizes do not broadcast; got %s and %s", op,
                tk_shape_text(x, a->ndim, a->shape), tk_shape_text(y, b->ndim, b->shape));
        return -1;
    }
    for (int d = g->batch_dims - 1; d >= 0; d--) {
        int ad = d - (g->batch_dims - am->batch_dims), bd = d - (g->batch_dims - bm->batch_dims);
        g->batch_size[d] = shape[d];
        g->a_batch[d] = ad >= 0 && a->shape[ad] != 1 ? a->stride[ad] : 0;
        g->b_batch[d] = bd >= 0 && b->shape[bd] != 1 ? b->stride[bd] : 0;
        g->c_batch[d] = c_step;
        c_step *= shape[d];
    }
    return 0;
}

/* Batches of A that meet the same B are more rows of A, where its strides allow it. */
static void fold_batch(tk_gemm *g)
{
    while (g->batch_dims > 0) {
        int d = g->batch_dims - 1;
        if (g->batch_size[d] != 1) {
            if (g->b_batch[d] != 0 || (g->m != 1 && g->a_batch[d] != g->a_row * g->m))
                return;
            if (g->m == 1)
                g->a_row = g->a_batch[d];
            g->m *= g->batch_size[d];
        }
        g->batch_dims = d;
    }
}

tk_tensor *tk_matmul(int kernel, tk_tensor *a, tk_tensor *b, tk_tensor *bias)
{
    if (tk_check_kernel(kernel, TK_FAMILY_MATMUL))
        return NULL;
    const char *op = tk_kernels[kernel].name;
    int linear = kernel == TK_K_linear;
    char x[TK_TEXT], y[TK_TEXT];
    if (bias && !linear) {
        tk_fail(TK_RUNTIME_ERROR, "%s: takes no bias", op);
        return NULL;
    }
    if (check_operands(op, a, b, bias))
        return NULL;
    int dtype = tk_compute_dtype(kernel, a->dtype);
    if (dtype < 0)
        return NULL;
    if (linear && b->ndim > 2) {
        tk_fail(TK_SHAPE_ERROR, "%s: the weight must have 1 or 2 dimensions; got %s", op,
                tk_shape_text(x, b->ndim, b->shape));
        return NULL;
    }
    matrix am = as_matrix(a, 1, 0), bm = as_matrix(b, 0, linear);
    if (am.cols != bm.rows) {
        tk_fail(TK_SHAPE_ERROR, "%s: inner sizes differ, %lld and %lld; got %s and %s", op,
                (long long)am.cols, (long long)bm.rows, tk_shape_text(x, a->ndim, a->shape),
                tk_shape_text(y, b->ndim, b->shape));
        return NULL;
    }
    if (bias && (bias->ndim != b->ndim - 1 || bias->numel != bm.cols)) {
        tk_fail(TK_SHAPE_ERROR, "%s: bias and weight do not fit; got %s and %s", op,
                tk_shape_text(x, bias->ndim, bias->shape), tk_shape_text(y, b->ndim, b->shape));
        return NULL;
    }

    tk_gemm g = {
        .a = a->data, .b = b->data,
        .m = am.rows, .n = bm.cols, .k = am.cols,
        .a_row = am.row_step, .a_col = am.col_step,
        .b_row = bm.row_step, .b_col = bm.col_step,
        .c_row = bm.cols,
    };
    if (plan_batch(&g, op, a, &am, b, &bm))
        return NULL;
    int64_t shape[TK_MAX_NDIM + 2];
    int ndim = g.batch_dims;
    for (int d = 0; d < ndim; d++)
        shape[d] = g.batch_size[d];
    if (a->ndim > 1)
        shape[ndim++] = g.m;
    if (b->ndim > 1)
        shape[ndim++] = g.n;

    tk_tensor *row = NULL, *out = NULL;
    if (bias) {
        row = tk_contiguous(bias);
        if (!row)
            return NULL;
        g.bias = row->data;
        g.bias_step = 1;
    }
    out = tk_empty(dtype, ndim, shape);
    if (out) {
        g.c = out->data;
        fold_batch(&g);
        tk_gemm_plan(&g, dtype, tk_vector_bytes(), tk_get_num_threads());
        if (tk_reserve_scratch(g.scratch)) {
            tk_fail(TK_MEMORY_ERROR, "%s: out of memory; needs %lld bytes of scratch", op,
                    (long long)g.scratch);
            tk_release(out);
            out = NULL;
        } else {
            tk_run(kernel, dtype, &g, g.units, g.grain);
        }
    }
    if (row)
        tk_release(row);
    return out;
}

/* All rows of a batch below each other; a vector is one row. */
static tk_tensor *as_rows(tk_tensor *t)
{
    int64_t shape[2] = {1, t->shape[t->ndim - 1]};
    for (int d = 0; d < t->ndim - 1; d++)
        shape[0] *= t->shape[d];
    return t->ndim == 2 ? tk_alias(t) : tk_reshape(t, 2, shape);
}

int tk_linear_backward(tk_tensor *gradient, tk_tensor *x, tk_tensor *weight, int wanted,
                       tk_tensor **out)
{
    char a[TK_TEXT], b[TK_TEXT], c[TK_TEXT];
    int last = x->ndim - 1, fits = x->ndim >= 1 && weight->ndim == 2 && gradient->ndim == x->ndim;
    for (int d = 0; d < last && fits; d++)
        fits = gradient->shape[d] == x->shape[d];
    if (!fits || x->shape[last] != weight->shape[1] || gradient->shape[last] != weight->shape[0]) {
        tk_fail(TK_SHAPE_ERROR, "linear: no gradient of %s for input %s and weight %s",
                tk_shape_text(a, gradient->ndim, gradient->shape),
                tk_shape_text(b, x->ndim, x->shape), tk_shape_text(c, weight->ndim, weight->shape));
        return -1;
    }
    for (int i = 0; i < 3; i++)
        out[i] = NULL;
    tk_tensor *g = as_rows(gradient), *rows = NULL, *columns = NULL;
    int failed = !g;
    if (!failed && wanted & 1)
        failed |= !(out[0] = tk_matmul(TK_K_matmul, gradient, weight, NULL));
    if (!failed && wanted & 2) {
        rows = as_rows(x);
        columns = tk_transpose(g, 0, 1);
        failed |= !rows || !columns || !(out[1] = tk_matmul(TK_K_matmul, columns, rows, NULL));
    }
    if (!failed && wanted & 4)
        failed |= !(out[2] = tk_reduce(TK_K_sum, g, 1, 0, 0));
    tk_tensor *made[3] = {g, rows, columns};
    tk_release_made(3, made);
    if (failed)
        tk_release_made(3, out);
    return failed ? -1 : 0;
}
