/* What the work of each family points to: all that recording and replay know about kernels. */
#include <stdlib.h>
#include <string.h>

#include "gemm.h"
#include "tape.h"

/* Families whose kernels do not all have the same struct name each kernel that can be replayed. */
static int64_t work_bytes(int kernel)
{
    switch (kernel) {
    case TK_K_layer_norm:
    case TK_K_layer_norm_backward:
        return sizeof(tk_norm_work);
    case TK_K_batch_norm:
    case TK_K_batch_norm_backward:
        return sizeof(tk_batch_work);
    case TK_K_nll_loss:
    case TK_K_nll_loss_backward:
    case TK_K_nll_weight:
        return sizeof(tk_nll_work);
    case TK_K_cross_entropy:
    case TK_K_cross_entropy_backward:
        return sizeof(tk_entropy_work);
    case TK_K_margin_loss:
    case TK_K_margin_loss_backward:
        return sizeof(tk_margin_work);
    case TK_K_cummax:
    case TK_K_cummin:
        return sizeof(tk_extreme_work);
    case TK_K_order:
        return sizeof(tk_order_work);
    case TK_K_searchsorted:
        return sizeof(tk_search_work);
    case TK_K_combine_norms:
        return sizeof(tk_combine_work);
    case TK_K_wrap_index:
        return sizeof(tk_wrap_work);
    case TK_K_find_zero:
        return sizeof(tk_divisor_work);
    case TK_K_index_gather:
        return sizeof(tk_gather_work);
    case TK_K_index_scatter:
    case TK_K_index_scatter_add:
    case TK_K_index_scatter_max:
    case TK_K_index_scatter_min:
        return sizeof(tk_scatter_work);
    case TK_K_extend:
        return sizeof(tk_extend_work);
    case TK_K_triangle:
        return sizeof(tk_triangle_work);
    case TK_K_join:
        return sizeof(tk_join_work);
    case TK_K_fold_windows:
        return sizeof(tk_fold_work);
    default:
        break;
    }
    switch (tk_kernels[kernel].family) {
    case TK_FAMILY_MAP1:
    case TK_FAMILY_MAP2:
    case TK_FAMILY_MAP3:
    case TK_FAMILY_WHERE:
    case TK_FAMILY_CAST:
        return sizeof(tk_map_work);
    case TK_FAMILY_REDUCE:
        return sizeof(tk_reduce_work);
    case TK_FAMILY_SCAN:
        return sizeof(tk_scan_work);
    case TK_FAMILY_ROWS:
        return sizeof(tk_rows_work);
    case TK_FAMILY_MATMUL:
        return sizeof(tk_gemm);
    case TK_FAMILY_RANDOM:
        return sizeof(tk_random_work);
    case TK_FAMILY_BAG:
        return sizeof(tk_bag_work);
    case TK_FAMILY_HOST:
        return sizeof(tk_host_work);
    default:
        return -1;
    }
}

static int is_list(int kernel)
{
    int family = tk_kernels[kernel].family;
    return family == TK_FAMILY_OPTIM || (family == TK_FAMILY_LIST && kernel != TK_K_combine_norms);
}

/* The arrays of a list's work stand behind its copy. */
static void *copy_list(const tk_list_work *w, int64_t *nbytes)
{
    size_t n = (size_t)w->n;
    size_t starts = (n + 1) * sizeof(int64_t), numels = n * sizeof(int64_t);
    *nbytes = (int64_t)(sizeof *w + starts + numels + 5 * n * sizeof(char *));
    tk_list_work *copy = malloc((size_t)*nbytes);
    if (!copy)
        return NULL;
    *copy = *w;
    char *next = (char *)(copy + 1);
    copy->start = memcpy(next, w->start, starts);
    copy->numel = memcpy(next + starts, w->numel, numels);
    char **data = (char **)(next + starts + numels);
    for (int r = 0; r < 5; r++, data += n) {
        if (w->data[r])
            memcpy(data, w->data[r], n * sizeof *data);
        else
            memset(data, 0, n * sizeof *data);
        copy->data[r] = data;
    }
    return copy;
}

void *tk_work_copy(int kernel, const void *work, int64_t *nbytes)
{
    if (is_list(kernel))
        return copy_list(work, nbytes);
    *nbytes = work_bytes(kernel);
    void *copy = *nbytes < 0 ? NULL : malloc((size_t)*nbytes);
    return copy ? memcpy(copy, work, (size_t)*nbytes) : NULL;
}

/* Adds one pointer; the field may be of any pointer type. */
#define ADD(field, what, size)                                                                     \
    do {                                                                                           \
        if (field) {                                                                               \
            if (out)                                                                               \
                out[n] = (tk_pointer){(char **)(void *)&(field), what, size};                      \
            n++;                                                                                   \
        }                                                                                          \
    } while (0)

static int list_pointers(int kernel, int item, tk_list_work *w, tk_pointer *out)
{
    int n = 0, optim = tk_kernels[kernel].family == TK_FAMILY_OPTIM;
    for (int r = 0; r < 5; r++) {
        int reads_only = kernel == TK_K_total_norm || (optim && r == 1);
        for (int i = 0; i < w->n; i++)
            ADD(((char **)w->data[r])[i], reads_only ? TK_READS : TK_READS | TK_WRITES, item);
    }
    int64_t settings = optim ? TK_HYPER_COUNT : kernel == TK_K_clamp_all ? 2 : 1;
    ADD(w->hyper, optim ? TK_HYPER : TK_READS, settings * (int64_t)sizeof(double));
    ADD(w->factor, TK_READS, item);
    ADD(w->partial, TK_WRITES, sizeof(double));
    return n;
}

static int batch_pointers(int backward, int item, tk_batch_work *w, tk_pointer *out)
{
    int n = 0;
    ADD(w->x, TK_READS, item);
    ADD(w->gradient, TK_READS, item);
    ADD(w->weight, TK_READS, item);
    ADD(w->bias, TK_READS, item);
    ADD(w->out, TK_WRITES, item);
    ADD(w->mean, backward ? TK_READS : TK_WRITES, item);
    ADD(w->variance, backward ? TK_READS : TK_WRITES, item);
    ADD(w->running_mean, TK_READS | TK_WRITES, item);
    ADD(w->running_var, TK_READS | TK_WRITES, item);
    ADD(w->dweight, TK_WRITES, item);
    ADD(w->dbias, TK_WRITES, item);
    return n;
}

static int entropy_pointers(int item, tk_entropy_work *w, tk_pointer *out)
{
    int n = 0;
    ADD(w->out, TK_WRITES, item);
    ADD(w->weights, TK_WRITES, item);
    ADD(w->in, TK_READS, item);
    ADD(w->gradient, TK_READS, item);
    ADD(w->target, TK_READS, 8);
    ADD(w->weight, TK_READS, item);
    ADD(w->weight_sum, TK_READS, item);
    return n;
}

static int margin_pointers(int item, tk_margin_work *w, tk_pointer *out)
{
    int n = 0;
    ADD(w->out, TK_WRITES, item);
    ADD(w->in, TK_READS, item);
    ADD(w->gradient, TK_READS, item);
    ADD(w->target, TK_READS, 8);
    ADD(w->weight, TK_READS, item);
    return n;
}

int tk_work_pointers(int kernel, int dtype, void *work, tk_pointer *out)
{
    int n = 0, item = tk_item_size[dtype];
    switch (tk_kernels[kernel].family) {
    case TK_FAMILY_MAP1:
    case TK_FAMILY_MAP2:
    case TK_FAMILY_MAP3:
    case TK_FAMILY_WHERE:
    case TK_FAMILY_CAST: {
        tk_map_work *w = work;
        for (int i = 0; i <= tk_map_arity(kernel); i++)
            ADD(w->data[i], i ? TK_READS : TK_WRITES,
                i == 1 && tk_kernels[kernel].family == TK_FAMILY_WHERE ? 1 : item);
        break;
    }
    case TK_FAMILY_REDUCE: {
        tk_reduce_work *w = work;
        ADD(w->in, TK_READS, item);
        ADD(w->pivot, TK_READS, item);
        ADD(w->in_index, TK_READS, 8);
        ADD(w->out, TK_WRITES, 1);
        if (kernel == TK_K_argmax || kernel == TK_K_argmin)
            ADD(w->out_index, TK_WRITES, 8);
        break;
    }
    case TK_FAMILY_SCAN: {
        tk_scan_work *w = work;
        tk_extreme_work *e = work;
        if (kernel == TK_K_cummax || kernel == TK_K_cummin) {
            ADD(e->out, TK_WRITES, item);
            ADD(e->index, TK_WRITES, 8);
            ADD(e->in, TK_READS, item);
            break;
        }
        ADD(w->rest.data[0], TK_WRITES, item);
        ADD(w->rest.data[1], TK_READS, item);
        break;
    }
    case TK_FAMILY_ROWS: {
        tk_rows_work *w = work;
        ADD(w->in[0], TK_READS, item);
        ADD(w->in[1], TK_READS, item);
        ADD(w->out, TK_WRITES, item);
        break;
    }
    case TK_FAMILY_NORM: {
        if (kernel == TK_K_batch_norm || kernel == TK_K_batch_norm_backward)
            return batch_pointers(kernel == TK_K_batch_norm_backward, item, work, out);
        tk_norm_work *w = work;
        int backward = kernel == TK_K_layer_norm_backward;
        ADD(w->x, TK_READS, item);
        ADD(w->gradient, TK_READS, item);
        ADD(w->weight, TK_READS, item);
        ADD(w->bias, TK_READS, item);
        ADD(w->out, TK_WRITES, item);
        ADD(w->mean, backward ? TK_READS : TK_WRITES, item);
        ADD(w->rstd, backward ? TK_READS : TK_WRITES, item);
        ADD(w->dweight, TK_WRITES, item);
        ADD(w->dbias, TK_WRITES, item);
        break;
    }
    case TK_FAMILY_OPTIM:
        return list_pointers(kernel, item, work, out);
    case TK_FAMILY_LIST: {
        tk_combine_work *w = work;
        if (kernel != TK_K_combine_norms)
            return list_pointers(kernel, item, work, out);
        ADD(w->partial, TK_READS, 8);
        ADD(w->out, TK_WRITES, item);
        break;
    }
    case TK_FAMILY_MATMUL: {
        tk_gemm *w = work;
        ADD(w->a, TK_READS, item);
        ADD(w->b, TK_READS, item);
        ADD(w->bias, TK_READS, item);
        ADD(w->addend, TK_READS, item);
        ADD(w->saved, TK_READS, item);
        ADD(w->c, TK_WRITES, item);
        break;
    }
    case TK_FAMILY_RANDOM: {
        tk_random_work *w = work;
        ADD(w->map.data[0], TK_WRITES, item);
        break;
    }
    case TK_FAMILY_INDEX: { /* every struct of the family begins with a map */
        tk_map_work *w = work;
        if (kernel == TK_K_find_zero) {
            ADD(w->data[0], TK_READS, item);
            ADD(((tk_divisor_work *)work)->bad, TK_CHECKS, 8);
            break;
        }
        int reads_output = (kernel >= TK_K_index_scatter && kernel <= TK_K_index_scatter_min) ||
                           (kernel == TK_K_wrap_index && ((tk_wrap_work *)work)->adds);
        ADD(w->data[0], reads_output ? TK_READS | TK_WRITES : TK_WRITES, item);
        ADD(w->data[1], TK_READS, item);
        if (kernel == TK_K_wrap_index)
            ADD(((tk_wrap_work *)work)->bad, TK_CHECKS, 8);
        else
            ADD(w->data[2], TK_READS, 8);
        break;
    }
    case TK_FAMILY_BAG: {
        tk_bag_work *w = work;
        const int adds = kernel == TK_K_bag_spread || kernel == TK_K_bag_dots; /* to zeros */
        ADD(w->out, adds ? TK_READS | TK_WRITES : TK_WRITES, kernel == TK_K_bag_largest ? 8 : item);
        ADD(w->in, TK_READS, item);
        ADD(w->other, TK_READS, item);
        ADD(w->index, TK_READS, 8);
        ADD(w->start, TK_READS, 8);
        break;
    }
    case TK_FAMILY_PLACE: {
        tk_extend_work *e = work;
        tk_triangle_work *t = work;
        tk_join_work *j = work;
        tk_fold_work *f = work;
        if (kernel == TK_K_fold_windows) {
            ADD(f->out, TK_WRITES, item);
            ADD(f->in, TK_READS, item);
        } else if (kernel == TK_K_join) {
            ADD(j->out, TK_WRITES, item);
            for (int i = 0; i < j->n; i++)
                ADD(j->in[i], TK_READS, item);
        } else if (kernel == TK_K_extend) {
            ADD(e->out, TK_WRITES, item);
            ADD(e->in, TK_READS, item);
        } else {
            ADD(t->out, t->in == t->out ? TK_READS | TK_WRITES : TK_WRITES, item);
            ADD(t->in, TK_READS, item);
        }
        break;
    }
    case TK_FAMILY_LOSS: {
        if (kernel == TK_K_cross_entropy || kernel == TK_K_cross_entropy_backward)
            return entropy_pointers(item, work, out);
        if (kernel == TK_K_margin_loss || kernel == TK_K_margin_loss_backward)
            return margin_pointers(item, work, out);
        tk_nll_work *w = work;
        ADD(w->out, TK_WRITES, item);
        ADD(w->weights, TK_WRITES, item);
        ADD(w->in, TK_READS, item);
        ADD(w->target, TK_READS, 8);
        ADD(w->weight, TK_READS, item);
        break;
    }
    case TK_FAMILY_SORT: {
        tk_order_work *w = work;
        tk_search_work *s = work;
        if (kernel == TK_K_searchsorted) {
            ADD(s->sequence, TK_READS, item);
            ADD(s->in, TK_READS, item);
            ADD(s->out, TK_WRITES, 8);
            break;
        }
        ADD(w->in, TK_READS, item);
        ADD(w->index, TK_WRITES, 8);
        ADD(w->scratch, TK_WRITES, 8);
        break;
    }
    case TK_FAMILY_HOST: {
        tk_host_work *w = work;
        for (int i = 0; i < TK_HOST_OPERANDS; i++)
            ADD(w->data[i], i ? TK_READS : TK_WRITES, 1);
        ADD(w->bad, TK_CHECKS, 8);
        break;
    }
    default:
        break;
    }
    return n;
}

static int same_maps(const tk_map_work *a, const tk_map_work *b, int operands)
{
    size_t row = (size_t)a->ndim * sizeof(int64_t);
    if (a->ndim != b->ndim || memcmp(a->size, b->size, row))
        return 0;
    for (int i = 0; i < operands; i++)
        if (memcmp(a->stride[i], b->stride[i], row))
            return 0;
    return 1;
}

int tk_work_alike(int kernel, const void *a, const void *b)
{
    if (tk_map_arity(kernel)) {
        const tk_map_work *x = a, *y = b;
        int scalars = kernel >= TK_K_cast_f32 && kernel <= TK_K_cast_bool; /* takes none */
        return same_maps(x, y, tk_map_arity(kernel) + 1) &&
               (scalars || (memcmp(&x->p, &y->p, sizeof x->p) == 0 &&
                            memcmp(&x->q, &y->q, sizeof x->q) == 0));
    }
    if (kernel == TK_K_wrap_index) {
        const tk_wrap_work *x = a, *y = b;
        return !x->adds && !y->adds && same_maps(&x->map, &y->map, 2) && x->size == y->size &&
               x->wrap == y->wrap && x->scale == y->scale && x->skips == y->skips &&
               x->skip == y->skip;
    }
    return 0;
}

int tk_work_flat(int kernel, const void *work, int64_t step[TK_MAP_OPERANDS])
{
    const tk_map_work *w = work;
    const int reads = tk_map_arity(kernel);
    if (!reads || w->ndim != 1)
        return 0;
    for (int i = 0; i < TK_MAP_OPERANDS; i++)
        step[i] = i <= reads ? w->stride[i][0] : 0;
    return reads + 1;
}
