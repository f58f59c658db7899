/* Doors that change a tensor in place and note it at once: one call where nothing is recorded. */
#include <math.h>
#include <string.h>

#include "core.h"

static int64_t changed(int failed, tk_tensor *t)
{
    return failed || tk_touch(t) ? -1 : t->storage->stamp;
}

/* -- elementwise ---------------------------------------------------------------------------------- */

int64_t tk_change1(int kernel, tk_tensor *t, double p, double q)
{
    return changed(tk_map_into(kernel, t, t, NULL, NULL, p, q), t);
}

int64_t tk_change2(int kernel, tk_tensor *t, tk_tensor *b)
{
    return changed(tk_map_into(kernel, t, t, b, NULL, 0, 0), t);
}

int64_t tk_change3(int kernel, tk_tensor *t, tk_tensor *b, tk_tensor *c, double p)
{
    return changed(tk_map_into(kernel, t, t, b, c, p, 0), t);
}

int64_t tk_change_float(int kernel, tk_tensor *t, double value)
{
    tk_number number;
    tk_number_float(&number, tk_is_float(t->dtype) ? t->dtype : tk_default_float, value);
    return tk_change2(kernel, t, &number.tensor);
}

int64_t tk_change_int(int kernel, tk_tensor *t, int64_t value)
{
    tk_number number;
    if (!tk_number_int(&number, t->dtype == TK_BOOL ? TK_I64 : t->dtype, value))
        return 0;
    return tk_change2(kernel, t, &number.tensor);
}

int64_t tk_add_scaled(tk_tensor *t, tk_tensor *b, double scale)
{
    tk_number one;
    if (!tk_is_float(t->dtype) || !tk_is_float(b->dtype))
        return 0;
    tk_number_float(&one, t->dtype, 1);
    return tk_change3(TK_K_addcmul, t, b, &one.tensor, scale);
}

/* -- all elements, or those that a subscript names ------------------------------------------------- */

int64_t tk_write(tk_tensor *t, tk_tensor *src)
{
    return changed(tk_copy_into(t, src), t);
}

/* A number as an element of t's dtype; 0 where that is none. */
static int float_for(tk_number *number, const tk_tensor *t, double value)
{
    if (tk_is_float(t->dtype))
        tk_number_float(number, t->dtype, value);
    return tk_is_float(t->dtype) || (t->dtype == TK_BOOL && tk_number_int(number, TK_BOOL, value != 0));
}

static int int_for(tk_number *number, const tk_tensor *t, int64_t value)
{
    return tk_number_int(number, t->dtype, t->dtype == TK_BOOL ? value != 0 : value);
}

/* A number fits any shape and lies in nobody's memory. */
static int64_t write_number(tk_tensor *t, tk_number *number, int zero)
{
    if (tk_check_writable("copy_", t))
        return -1;
    if (!zero || !tk_zeroed(t))
        tk_copy_new(t, &number->tensor);
    return changed(0, t);
}

int64_t tk_write_float(tk_tensor *t, double value)
{
    tk_number number;
    const int zero = value == 0 && !signbit(value);
    return float_for(&number, t, value) ? write_number(t, &number, zero) : 0;
}

int64_t tk_write_int(tk_tensor *t, int64_t value)
{
    tk_number number;
    return int_for(&number, t, value) ? write_number(t, &number, value == 0) : 0;
}

int64_t tk_assign(tk_tensor *t, int n, const int64_t *items, tk_tensor *src)
{
    tk_tensor part, from;
    if (tk_find_part(t, n, items, &part))
        return -1;
    if (src->ndim > part.ndim) { /* leading dimensions of size 1 in excess do not count */
        from = *src;
        while (from.ndim > part.ndim && from.shape[0] == 1)
            tk_remove_dim(&from, 0);
        src = &from;
    }
    /* The end of t[items] += x, which has changed it already; no detached alias of the part. */
    int alike = src->flags / TK_FAMILY == t->flags / TK_FAMILY || !tk_grad_mode();
    if (alike && tk_same_window(&part, src))
        return t->storage->stamp;
    return changed(tk_copy_into(&part, src), t);
}

int64_t tk_assign_float(tk_tensor *t, int n, const int64_t *items, double value)
{
    tk_number number;
    return float_for(&number, t, value) ? tk_assign(t, n, items, &number.tensor) : 0;
}

int64_t tk_assign_int(tk_tensor *t, int n, const int64_t *items, int64_t value)
{
    tk_number number;
    return int_for(&number, t, value) ? tk_assign(t, n, items, &number.tensor) : 0;
}

/* -- where a mask of t's shape holds, or the parts of the first dimension that a vector names ------- */

static int64_t assign_at(tk_tensor *t, tk_tensor *index, tk_tensor *number)
{
    if (index->dtype == TK_BOOL && tk_same_shape(t, index))
        return changed(tk_map_into(TK_K_where, t, index, number, t, 0, 0), t);
    if ((index->dtype != TK_I64 && index->dtype != TK_I32) || index->ndim != 1 || t->ndim == 0)
        return 0;
    tk_tensor *places = tk_wrap_index(index, t->shape[0]);
    if (!places)
        return -1;
    number->ndim = t->ndim;
    memcpy(number->shape, t->shape, (size_t)t->ndim * sizeof *t->shape);
    memset(number->stride, 0, (size_t)t->ndim * sizeof *number->stride);
    number->shape[0] = index->numel;
    number->flags = 0;
    number->numel = 1;
    for (int d = 0; d < t->ndim; d++)
        number->numel *= number->shape[d];
    int64_t stamp = changed(tk_index_copy(t, 0, places, number, 0), t);
    tk_release(places);
    return stamp;
}

int64_t tk_assign_float_at(tk_tensor *t, tk_tensor *index, double value)
{
    tk_number number;
    return float_for(&number, t, value) ? assign_at(t, index, &number.tensor) : 0;
}

int64_t tk_assign_int_at(tk_tensor *t, tk_tensor *index, int64_t value)
{
    tk_number number;
    return int_for(&number, t, value) ? assign_at(t, index, &number.tensor) : 0;
}

/* t with its first n dimensions as one, or without dimensions where the strides do not let them. */
static tk_tensor first_joined(const tk_tensor *t, int n)
{
    tk_tensor view = *t;
    for (int d = 0; d < n - 1; d++) {
        if (view.stride[0] != view.stride[1] * view.shape[1])
            return (tk_tensor){.ndim = 0};
        view.shape[1] *= view.shape[0];
        tk_remove_dim(&view, 0);
    }
    return view;
}

int64_t tk_assign_at(tk_tensor *t, int n, tk_tensor **index, tk_tensor *src, int adds)
{
    int fits = n > 0 && n <= t->ndim && src->dtype == t->dtype;
    for (int i = 0; i < n && fits; i++)
        fits = (index[i]->dtype == TK_I64 || index[i]->dtype == TK_I32) && index[i]->ndim == 1 &&
               index[i]->numel == index[0]->numel;
    if (!fits)
        return 0;
    tk_tensor parts = first_joined(t, n);
    if (parts.ndim == 0 || src->ndim != parts.ndim || src->shape[0] != index[0]->numel ||
        memcmp(src->shape + 1, parts.shape + 1, (size_t)(parts.ndim - 1) * sizeof *t->shape))
        return 0;
    tk_tensor *places = tk_linear_index(n, index, t->shape);
    if (!places)
        return -1;
    const int failed = adds ? tk_index_add(&parts, 0, places, src, 1, 0)
                            : tk_index_copy(&parts, 0, places, src, 0);
    tk_release(places);
    return changed(failed, t);
}

int64_t tk_change_scatter(int kernel, tk_tensor *t, int64_t dim, tk_tensor *index, tk_tensor *src)
{
    if (t->dtype != src->dtype || src->ndim != index->ndim)
        return 0;
    return changed(tk_scatter(kernel, t, dim, index, src, 0), t);
}

static int64_t scatter_number(int kernel, tk_tensor *t, int64_t dim, tk_tensor *index,
                              tk_tensor *number)
{
    number->ndim = index->ndim;
    memcpy(number->shape, index->shape, sizeof index->shape);
    memset(number->stride, 0, sizeof number->stride);
    number->numel = index->numel;
    number->flags = 0;
    return changed(tk_scatter(kernel, t, dim, index, number, 0), t);
}

int64_t tk_change_scatter_float(int kernel, tk_tensor *t, int64_t dim, tk_tensor *index, double value)
{
    tk_number number;
    return float_for(&number, t, value) ? scatter_number(kernel, t, dim, index, &number.tensor) : 0;
}

int64_t tk_change_scatter_int(int kernel, tk_tensor *t, int64_t dim, tk_tensor *index, int64_t value)
{
    tk_number number;
    return int_for(&number, t, value) ? scatter_number(kernel, t, dim, index, &number.tensor) : 0;
}

int64_t tk_change_triangle(tk_tensor *t, int64_t diagonal, int upper)
{
    return changed(tk_cut_triangle(t, diagonal, upper), t);
}

int64_t tk_refill(int kernel, tk_tensor *t, tk_generator *g, double p, double q)
{
    return changed(tk_random(kernel, t, g, p, q), t);
}
