/* Views: new handles on the same storage. None of them copies, but for tk_reshape where it must. */
#include "core.h"

tk_tensor *tk_alias(tk_tensor *t)
{
    tk_tensor *view = tk_new_view(t);
    if (!view)
        return NULL;
    for (int i = 0; i < t->ndim; i++) {
        view->shape[i] = t->shape[i];
        view->stride[i] = t->stride[i];
    }
    tk_finish_view(view);
    return view;
}

tk_tensor *tk_detach(tk_tensor *t)
{
    tk_tensor *view = tk_alias(t);
    if (view)
        tk_found_family(view);
    return view;
}

tk_tensor *tk_view_dtype(tk_tensor *t, int dtype)
{
    char text[TK_TEXT];
    int have = tk_item_size[t->dtype], want = tk_item_size[dtype], last = t->ndim - 1;
    if (dtype != t->dtype && (dtype == TK_BOOL || t->dtype == TK_BOOL)) {
        tk_fail(TK_DTYPE_ERROR, "view: from %s to %s; the bytes of bools are 0 or 1, use to()",
                tk_dtype_names[t->dtype], tk_dtype_names[dtype]);
        return NULL;
    }
    int bad = (uintptr_t)t->data % (uintptr_t)want != 0;
    if (have != want) {
        int64_t ratio = want / have;
        bad |= last < 0 || t->stride[last] != 1;
        for (int i = 0; i <= last && ratio; i++)
            bad |= (i == last ? t->shape[i] : t->stride[i]) % ratio != 0;
    }
    if (bad) {
        tk_fail(TK_RUNTIME_ERROR,
                "view: the memory of a tensor of %s %s does not divide into elements of %s",
                tk_dtype_names[t->dtype], tk_shape_text(text, t->ndim, t->shape),
                tk_dtype_names[dtype]);
        return NULL;
    }
    tk_tensor *view = tk_alias(t);
    if (!view)
        return NULL;
    view->dtype = dtype;
    for (int i = 0; i <= last && have != want; i++) {
        int64_t *size = i == last ? &view->shape[i] : &view->stride[i];
        *size = *size * have / want;
    }
    tk_finish_view(view);
    tk_found_family(view);
    return view;
}

int tk_check_dim(const char *op, const tk_tensor *t, int64_t dim, int *result)
{
    *result = tk_dim(dim, t->ndim);
    if (*result >= 0)
        return 0;
    char text[TK_TEXT];
    tk_fail(TK_INDEX_ERROR, "%s: dim %lld is out of range for %d dimensions; got %s", op,
            (long long)dim, t->ndim, tk_shape_text(text, t->ndim, t->shape));
    return -1;
}

int tk_lines(const char *op, const tk_tensor *t, int64_t dim, int64_t *outer, int64_t *length,
             int64_t *inner)
{
    int d = 0;
    *outer = *length = *inner = 1;
    if (t->ndim == 0 && (dim == 0 || dim == -1))
        return 0;
    if (tk_check_dim(op, t, dim, &d))
        return -1;
    for (int i = 0; i < t->ndim; i++)
        *(i < d ? outer : i > d ? inner : length) *= t->shape[i];
    return 0;
}

tk_tensor *tk_as_strided(tk_tensor *t, int ndim, const int64_t *shape, const int64_t *stride,
                         int64_t offset)
{
    char text[TK_TEXT];
    if (ndim < 0 || ndim > TK_MAX_NDIM) {
        tk_fail(TK_VALUE_ERROR, "as_strided: at most %d dimensions; got %d", TK_MAX_NDIM, ndim);
        return NULL;
    }
    int item = tk_item_size[t->dtype];
    int64_t limit = t->storage->nbytes / item, low = offset, high = offset, numel = 1;
    int bad = 0;
    for (int i = 0; i < ndim; i++) {
        int64_t reach;
        bad |= shape[i] < 0 || __builtin_mul_overflow(numel, shape[i], &numel);
        bad |= __builtin_mul_overflow(shape[i] - (shape[i] > 0), stride[i], &reach);
        if (bad)
            break;
        bad |= __builtin_add_overflow(*(reach < 0 ? &low : &high), reach, reach < 0 ? &low : &high);
    }
    if (bad || offset < 0 || (numel > 0 && (low < 0 || high >= limit))) {
        tk_fail(TK_VALUE_ERROR,
                "as_strided: shape %s with these strides and offset %lld leaves the storage of %lld "
                "elements",
                tk_shape_text(text, ndim, shape), (long long)offset, (long long)limit);
        return NULL;
    }
    if (!numel && tk_checked_numel(ndim, shape) < 0)
        return NULL;
    tk_tensor *view = tk_new_view(t);
    if (!view)
        return NULL;
    view->data = t->storage->data + (numel ? offset * item : 0);
    view->ndim = ndim;
    for (int i = 0; i < ndim; i++) {
        view->shape[i] = shape[i];
        view->stride[i] = stride[i];
    }
    tk_finish_view(view);
    return view;
}

tk_tensor *tk_unfold(tk_tensor *t, int64_t dim, int64_t size, int64_t step)
{
    int d = 0;
    const int flat = t->ndim == 0; /* a line of one, of whose windows there is one */
    if (!flat && tk_check_dim("unfold", t, dim, &d))
        return NULL;
    const int64_t length = flat ? 1 : t->shape[d];
    if (size < 0 || size > length || step < 1) {
        tk_fail(TK_VALUE_ERROR, "unfold: size must be 0 to %lld and step positive; got %lld and %lld",
                (long long)length, (long long)size, (long long)step);
        return NULL;
    }
    if (t->ndim == TK_MAX_NDIM) {
        tk_fail(TK_VALUE_ERROR, "unfold: at most %d dimensions; got %d", TK_MAX_NDIM, t->ndim + 1);
        return NULL;
    }
    tk_tensor *view = tk_alias(t);
    if (!view)
        return NULL;
    view->ndim = t->ndim + 1;
    view->shape[t->ndim] = size;
    view->stride[t->ndim] = flat ? 1 : t->stride[d];
    if (!flat)
        view->shape[d] = (length - size) / step + 1;
    if (!flat && view->shape[d] > 1)
        view->stride[d] *= step;
    tk_finish_view(view);
    return view;
}

/* Strides that show t's elements, in order, in another shape; 0 where only a copy can. */
static int view_strides(const tk_tensor *t, int ndim, const int64_t *shape, int64_t *stride)
{
    /* Both shapes are walked from the right in groups of equal products; inside a group the old
     * dimensions must lie behind each other without gaps. */
    int old = t->ndim - 1, new = ndim - 1;
    while (new >= 0) {
        if (shape[new] == 1) {
            stride[new--] = 1;
            continue;
        }
        while (old >= 0 && t->shape[old] == 1)
            old--;
        if (old < 0)
            return 0;
        int64_t have = t->shape[old], want = shape[new], step = t->stride[old];
        stride[new--] = step;
        int64_t outer_step = step * have;
        old--;
        while (have != want) {
            if (want < have) {
                while (new >= 0 && shape[new] == 1)
                    stride[new--] = 1;
                if (new < 0)
                    return 0;
                stride[new] = step * want;
                want *= shape[new--];
            } else {
                while (old >= 0 && t->shape[old] == 1)
                    old--;
                if (old < 0 || t->stride[old] != outer_step)
                    return 0;
                have *= t->shape[old];
                outer_step = t->stride[old] * t->shape[old];
                old--;
            }
        }
    }
    return 1;
}

static tk_tensor *shaped(tk_tensor *t, int ndim, const int64_t *shape, int view_only)
{
    const char *op = view_only ? "view" : "reshape";
    char from[TK_TEXT], to[TK_TEXT];
    int64_t sizes[TK_MAX_NDIM], product = 1;
    int wild = -1, bad = ndim < 0 || ndim > TK_MAX_NDIM;
    for (int i = 0; i < ndim && !bad; i++) {
        sizes[i] = shape[i];
        if (shape[i] == -1) {
            bad = wild >= 0;
            wild = i;
        } else {
            bad = shape[i] < 0 || __builtin_mul_overflow(product, shape[i], &product);
        }
    }
    if (!bad && wild >= 0) {
        bad = product == 0 || t->numel % product != 0;
        sizes[wild] = bad ? 0 : t->numel / product;
        product *= sizes[wild];
    }
    if (bad || product != t->numel) {
        tk_fail(TK_SHAPE_ERROR, "%s: %lld elements do not fit; from %s to %s", op,
                (long long)t->numel, tk_shape_text(from, t->ndim, t->shape),
                tk_shape_text(to, ndim > TK_MAX_NDIM ? TK_MAX_NDIM : ndim, shape));
        return NULL;
    }
    /* Without an element nothing bounds the other sizes, whose product makes the strides. */
    if (!product && tk_checked_numel(ndim, sizes) < 0)
        return NULL;
    int64_t stride[TK_MAX_NDIM];
    int simple = (t->flags & TK_CONTIGUOUS) != 0;
    if (!simple && !view_strides(t, ndim, sizes, stride)) {
        if (view_only) {
            tk_fail(TK_RUNTIME_ERROR,
                    "view: the strides do not allow a view; from %s to %s; use reshape",
                    tk_shape_text(from, t->ndim, t->shape), tk_shape_text(to, ndim, sizes));
            return NULL;
        }
        tk_tensor *copy = tk_cast(t, t->dtype);
        tk_tensor *view = copy ? tk_view(copy, ndim, sizes) : NULL;
        if (copy)
            tk_release(copy);
        return view;
    }
    tk_tensor *view = tk_new_view(t);
    if (!view)
        return NULL;
    view->ndim = ndim;
    for (int i = 0; i < ndim; i++)
        view->shape[i] = sizes[i];
    if (simple)
        tk_row_major(view);
    else
        for (int i = 0; i < ndim; i++)
            view->stride[i] = stride[i];
    tk_finish_view(view);
    return view;
}

tk_tensor *tk_view(tk_tensor *t, int ndim, const int64_t *shape)
{
    return shaped(t, ndim, shape, 1);
}

tk_tensor *tk_reshape(tk_tensor *t, int ndim, const int64_t *shape)
{
    return shaped(t, ndim, shape, 0);
}

tk_tensor *tk_expand(tk_tensor *t, int ndim, const int64_t *shape)
{
    char from[TK_TEXT], to[TK_TEXT];
    int added = ndim - t->ndim;
    int64_t sizes[TK_MAX_NDIM], numel = 1;
    int bad = added < 0 || ndim > TK_MAX_NDIM;
    for (int i = 0; i < ndim && !bad; i++) {
        int64_t have = i < added ? -1 : t->shape[i - added];
        sizes[i] = shape[i] == -1 ? have : shape[i];
        bad = sizes[i] < 0 || (i >= added && have != 1 && have != sizes[i]) ||
              __builtin_mul_overflow(numel, sizes[i] ? sizes[i] : 1, &numel) ||
              numel > INT64_MAX / 16;
    }
    if (bad) {
        tk_fail(TK_SHAPE_ERROR, "expand: sizes do not fit; from %s to %s",
                tk_shape_text(from, t->ndim, t->shape),
                tk_shape_text(to, ndim < 0 ? 0 : ndim > TK_MAX_NDIM ? TK_MAX_NDIM : ndim, shape));
        return NULL;
    }
    tk_tensor *view = tk_new_view(t);
    if (!view)
        return NULL;
    view->ndim = ndim;
    for (int i = 0; i < ndim; i++) {
        int same = i >= added && t->shape[i - added] == sizes[i];
        view->shape[i] = sizes[i];
        view->stride[i] = same ? t->stride[i - added] : 0;
    }
    tk_finish_view(view);
    return view;
}

tk_tensor *tk_permute(tk_tensor *t, int ndim, const int64_t *dims)
{
    unsigned seen = 0;
    int order[TK_MAX_NDIM], bad = ndim != t->ndim;
    for (int i = 0; i < ndim && !bad; i++) {
        order[i] = tk_dim(dims[i], ndim);
        bad = order[i] < 0 || (seen >> order[i] & 1);
        seen |= bad ? 0 : 1u << order[i];
    }
    if (bad) {
        char text[TK_TEXT], got[TK_TEXT];
        tk_fail(TK_VALUE_ERROR, "permute: dims must name each of %d dimensions once; got %s for %s",
                t->ndim, tk_shape_text(got, ndim > TK_MAX_NDIM ? TK_MAX_NDIM : ndim, dims),
                tk_shape_text(text, t->ndim, t->shape));
        return NULL;
    }
    tk_tensor *view = tk_new_view(t);
    if (!view)
        return NULL;
    for (int i = 0; i < ndim; i++) {
        view->shape[i] = t->shape[order[i]];
        view->stride[i] = t->stride[order[i]];
    }
    tk_finish_view(view);
    return view;
}

tk_tensor *tk_transpose(tk_tensor *t, int64_t dim0, int64_t dim1)
{
    int a = 0, b = 0;
    /* PyTorch lets a 0-d tensor be transposed by 0 or -1. */
    if (t->ndim == 0 && dim0 >= -1 && dim0 <= 0 && dim1 >= -1 && dim1 <= 0)
        return tk_alias(t);
    if (tk_check_dim("transpose", t, dim0, &a) || tk_check_dim("transpose", t, dim1, &b))
        return NULL;
    tk_tensor *view = tk_new_view(t);
    if (!view)
        return NULL;
    for (int i = 0; i < t->ndim; i++) {
        int from = i == a ? b : i == b ? a : i;
        view->shape[i] = t->shape[from];
        view->stride[i] = t->stride[from];
    }
    tk_finish_view(view);
    return view;
}

/* 0..size-1 from a possibly negative index into dimension d; -1 with an error. */
static int64_t place_of(const char *op, const tk_tensor *t, int d, int64_t index)
{
    int64_t size = t->shape[d], i = index < 0 ? index + size : index;
    if (i >= 0 && i < size)
        return i;
    char text[TK_TEXT];
    tk_fail(TK_INDEX_ERROR, "%s: index %lld is out of range for size %lld of dim %d; got %s", op,
            (long long)index, (long long)size, d, tk_shape_text(text, t->ndim, t->shape));
    return -1;
}

tk_tensor *tk_select(tk_tensor *t, int64_t dim, int64_t index)
{
    int d;
    if (tk_check_dim("select", t, dim, &d))
        return NULL;
    int64_t i = place_of("select", t, d, index);
    tk_tensor *view = i < 0 ? NULL : tk_new_view(t);
    if (!view)
        return NULL;
    view->data = t->data + i * t->stride[d] * tk_item_size[t->dtype];
    view->ndim = t->ndim - 1;
    for (int j = 0; j < view->ndim; j++) {
        view->shape[j] = t->shape[j + (j >= d)];
        view->stride[j] = t->stride[j + (j >= d)];
    }
    tk_finish_view(view);
    return view;
}

/* The part start:stop:step of a dimension: its size and stride, and how many elements before it.
 * -1 with an error where the step is none. */
static int cut(int64_t size, int64_t stride, int64_t start, int64_t stop, int64_t step,
               int64_t *new_size, int64_t *new_stride, int64_t *offset)
{
    if (step == 0 || step == INT64_MIN) {
        tk_fail(TK_VALUE_ERROR, "slice: step cannot be %lld", (long long)step);
        return -1;
    }
    /* Python's rules: negative ends count from the end, then both are clamped. */
    int64_t lowest = step > 0 ? 0 : -1, highest = step > 0 ? size : size - 1;
    int64_t ends[2] = {start, stop};
    for (int i = 0; i < 2; i++) {
        if (ends[i] < 0)
            ends[i] = ends[i] < -size ? lowest : ends[i] + size;
        ends[i] = ends[i] < lowest ? lowest : ends[i] > highest ? highest : ends[i];
    }
    int64_t span = step > 0 ? ends[1] - ends[0] : ends[0] - ends[1];
    int64_t count = span > 0 ? (span - 1) / (step > 0 ? step : -step) + 1 : 0;
    *new_size = count;
    *new_stride = count > 1 ? stride * step : stride; /* step < size here: it cannot overflow */
    *offset = count > 0 ? ends[0] * stride : 0;
    return 0;
}

tk_tensor *tk_slice(tk_tensor *t, int64_t dim, int64_t start, int64_t stop, int64_t step)
{
    int d;
    int64_t size, stride, offset;
    if (tk_check_dim("slice", t, dim, &d) ||
        cut(t->shape[d], t->stride[d], start, stop, step, &size, &stride, &offset))
        return NULL;
    tk_tensor *view = tk_new_view(t);
    if (!view)
        return NULL;
    view->data = t->data + offset * tk_item_size[t->dtype];
    for (int i = 0; i < t->ndim; i++) {
        view->shape[i] = i == d ? size : t->shape[i];
        view->stride[i] = i == d ? stride : t->stride[i];
    }
    tk_finish_view(view);
    return view;
}

/* How many numbers of a subscript an item takes. */
static int item_length(int64_t item)
{
    if (item == TK_AT)
        return 2;
    return item < TK_SLICE ? 1 : 1 + !!(item & TK_START) + !!(item & TK_STOP) + !!(item & TK_STEP);
}

int tk_find_part(const tk_tensor *t, int n, const int64_t *items, tk_tensor *part)
{
    char text[TK_TEXT];
    int used = 0, rests = 0, dims = 0;
    for (int i = 0; i < n; i += item_length(items[i])) {
        used += items[i] == TK_AT || items[i] >= TK_SLICE;
        rests += items[i] == TK_REST;
        dims += items[i] == TK_NEW || items[i] >= TK_SLICE;
        int known = (items[i] >= TK_AT && items[i] <= TK_REST) || items[i] >> 3 == 1;
        if (!known || i + item_length(items[i]) > n) {
            tk_fail(TK_RUNTIME_ERROR, "index: this is no subscript's item");
            return -1;
        }
    }
    if (used > t->ndim) {
        tk_fail(TK_INDEX_ERROR, "index: %d indices are too many for %s", used,
                tk_shape_text(text, t->ndim, t->shape));
        return -1;
    }
    if (rests > 1) {
        tk_fail(TK_INDEX_ERROR, "index: only one Ellipsis can be used");
        return -1;
    }
    int rest = t->ndim - used, from = 0, to = 0; /* dimensions of t and of the view */
    if (dims + rest > TK_MAX_NDIM) {
        tk_fail(TK_VALUE_ERROR, "index: at most %d dimensions; got %d", TK_MAX_NDIM, dims + rest);
        return -1;
    }
    int64_t *shape = part->shape, *stride = part->stride, offset = 0;
    for (int i = 0; i < n; i += item_length(items[i])) {
        int64_t item = items[i], place;
        const int64_t *next = items + i + 1;
        if (item == TK_AT) {
            if ((place = place_of("index", t, from, *next)) < 0)
                return -1;
            offset += place * t->stride[from++];
        } else if (item == TK_NEW) { /* with the stride that a row-major tensor would have there */
            shape[to] = 1;
            stride[to++] = from < t->ndim ? t->shape[from] * t->stride[from] : 1;
        } else if (item == TK_REST) {
            for (; rest > 0; rest--, from++) {
                shape[to] = t->shape[from];
                stride[to++] = t->stride[from];
            }
        } else {
            int64_t step = item & TK_STEP ? next[item_length(item) - 2] : 1;
            int64_t start = item & TK_START ? *next++ : step > 0 ? 0 : INT64_MAX;
            int64_t stop = item & TK_STOP ? *next : step > 0 ? INT64_MAX : -INT64_MAX;
            if (cut(t->shape[from], t->stride[from], start, stop, step, &shape[to], &stride[to],
                    &place))
                return -1;
            offset += place;
            from++;
            to++;
        }
    }
    for (; from < t->ndim; from++) {
        shape[to] = t->shape[from];
        stride[to++] = t->stride[from];
    }
    part->storage = t->storage;
    part->dtype = t->dtype;
    part->refs = 1;
    part->flags = 0;
    part->ndim = to;
    tk_finish_view(part);
    part->data = t->data + (part->numel ? offset * tk_item_size[t->dtype] : 0);
    return 0;
}

tk_tensor *tk_subscript(tk_tensor *t, int n, const int64_t *items)
{
    tk_tensor part;
    tk_tensor *view = tk_find_part(t, n, items, &part) ? NULL : tk_new_view(t);
    if (!view)
        return NULL;
    view->data = part.data;
    view->ndim = part.ndim;
    view->numel = part.numel;
    view->key = part.key;
    view->flags |= part.flags;
    for (int i = 0; i < part.ndim; i++) {
        view->shape[i] = part.shape[i];
        view->stride[i] = part.stride[i];
    }
    return view;
}

tk_tensor *tk_squeeze(tk_tensor *t, uint32_t dim_mask)
{
    tk_tensor *view = tk_new_view(t);
    if (!view)
        return NULL;
    int n = 0;
    for (int i = 0; i < t->ndim; i++) {
        if (t->shape[i] == 1 && (dim_mask >> i & 1))
            continue;
        view->shape[n] = t->shape[i];
        view->stride[n++] = t->stride[i];
    }
    view->ndim = n;
    tk_finish_view(view);
    return view;
}

tk_tensor *tk_unsqueeze(tk_tensor *t, int64_t dim)
{
    int d = tk_dim(dim, t->ndim + 1);
    char text[TK_TEXT];
    if (d < 0) {
        tk_fail(TK_INDEX_ERROR, "unsqueeze: dim %lld is out of range for %d dimensions; got %s",
                (long long)dim, t->ndim, tk_shape_text(text, t->ndim, t->shape));
        return NULL;
    }
    if (t->ndim == TK_MAX_NDIM) {
        tk_fail(TK_VALUE_ERROR, "unsqueeze: at most %d dimensions", TK_MAX_NDIM);
        return NULL;
    }
    tk_tensor *view = tk_new_view(t);
    if (!view)
        return NULL;
    view->ndim = t->ndim + 1;
    for (int i = 0; i < view->ndim; i++) {
        int from = i - (i > d);
        view->shape[i] = i == d ? 1 : t->shape[from];
        /* The stride a row-major tensor would have there, so that contiguity shows. */
        view->stride[i] = i != d            ? t->stride[from]
                          : d == t->ndim    ? 1
                                            : t->shape[d] * t->stride[d];
    }
    tk_finish_view(view);
    return view;
}

tk_tensor *tk_diagonal(tk_tensor *t, int64_t offset, int64_t dim1, int64_t dim2)
{
    int rows = 0, columns = 0;
    if (tk_check_dim("diagonal", t, dim1, &rows) || tk_check_dim("diagonal", t, dim2, &columns))
        return NULL;
    if (rows == columns) {
        char text[TK_TEXT];
        tk_fail(TK_VALUE_ERROR, "diagonal: dim1 and dim2 are the same, %d; got %s", rows,
                tk_shape_text(text, t->ndim, t->shape));
        return NULL;
    }
    int64_t height = t->shape[rows], width = t->shape[columns], length = 0, start = 0;
    if (offset > -height && offset < width) {
        if (offset < 0)
            height += offset;
        else
            width -= offset;
        length = height < width ? height : width;
        start = offset < 0 ? -offset * t->stride[rows] : offset * t->stride[columns];
    }
    tk_tensor *view = tk_new_view(t);
    if (!view)
        return NULL;
    if (length > 0)
        view->data = t->data + start * tk_item_size[t->dtype];
    int n = 0;
    for (int i = 0; i < t->ndim; i++) {
        if (i == rows || i == columns)
            continue;
        view->shape[n] = t->shape[i];
        view->stride[n++] = t->stride[i];
    }
    view->ndim = n + 1;
    view->shape[n] = length;
    view->stride[n] = t->stride[rows] + t->stride[columns];
    tk_finish_view(view);
    return view;
}
