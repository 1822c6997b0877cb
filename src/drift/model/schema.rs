//! What the API says of its kinds: shapes, merge keys, list and map types, defaults.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value;

use super::{PathStep, TypeFacts, TypeKey};

/// The place of a [`Shape`] in its [`Schema`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NodeId(u32);

/// How to read one value.
#[derive(Debug, Clone)]
pub enum Shape {
    /// Nothing is known: compared as plain JSON, lists as atomic ones.
    Any,
    /// JSON that is kept as it is written: one value, whatever it holds.
    Literal,
    /// A leaf.
    Scalar(Scalar),
    /// An object with named fields.
    Struct(Struct),
    /// An object with free keys, each value of this shape.
    Map(NodeId),
    /// A value that may be an object or a list of such objects, or anything else, which is then literal.
    Either {
        /// Its shape where it is an object.
        object: NodeId,
        /// Its shape where it is a list.
        list: NodeId,
    },
    /// A list.
    List {
        /// Of every element.
        item: NodeId,
        /// How elements find their counterparts.
        list_type: ListType,
    },
}

/// An object with named fields.
#[derive(Debug, Clone, Default)]
pub struct Struct {
    /// By JSON name.
    pub fields: BTreeMap<String, Field>,
    /// The server keeps fields without a name in the schema.
    pub open: bool,
    /// Whose rules of absence hold for the fields.
    pub dialect: Dialect,
    /// What the Go type knows and OpenAPI does not say; absent for types that driftd does not know.
    pub facts: Option<Arc<TypeFacts>>,
}

impl Struct {
    /// How to read the field `key`.
    #[must_use]
    pub fn node(&self, key: &str) -> NodeId {
        self.fields.get(key).map_or(Schema::ANY, |field| field.node)
    }

    /// Whether the server writes the field `key` also where nothing is in it: a struct that is no pointer.
    #[must_use]
    pub fn is_always_written(&self, key: &str) -> bool {
        self.facts.as_ref().is_some_and(|facts| facts.structs.contains(key))
    }

    /// Whether a zero means absence at the field `key`.
    #[must_use]
    pub fn zero_is_absent(&self, key: &str) -> bool {
        self.facts.as_ref().is_some_and(|facts| facts.zero_is_absent.contains(key))
    }
}

/// A field of a [`Struct`].
#[derive(Debug, Clone)]
pub struct Field {
    /// Its shape.
    pub node: NodeId,
    /// What the server fills in where it is absent, as OpenAPI says it.
    pub default: Option<Value>,
}

/// When a value means the same as none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    /// Go types: empty lists and maps are absent, zeros as the Go field says.
    #[default]
    BuiltIn,
    /// Custom resources keep what they are given; only `null` is absent.
    Custom,
}

/// How the elements of a list find their counterparts: `x-kubernetes-list-type`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListType {
    /// By position; the list is one value.
    Atomic,
    /// As one value, but in any order.
    Bag,
    /// By value.
    Set,
    /// By these fields: `x-kubernetes-list-map-keys`.
    Map(Vec<String>),
}

/// When two leaves mean the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scalar {
    /// By text; numbers by value.
    Plain,
    /// `1000m` = `1`.
    Quantity,
    /// RFC 3339, by instant.
    Time,
    /// Base64, by content.
    Bytes,
    /// `1h` = `60m`.
    Duration,
}

/// The kinds of one or more API groups with all that their fields refer to.
#[derive(Debug, Clone)]
pub struct Schema {
    nodes: Vec<Shape>,
    kinds: HashMap<TypeKey, NodeId>,
    atomic: HashSet<NodeId>,
    dry_run: HashSet<TypeKey>,
}

impl Default for Schema {
    fn default() -> Self {
        Self { nodes: vec![Shape::Any], kinds: HashMap::new(), atomic: HashSet::new(), dry_run: HashSet::new() }
    }
}

impl Schema {
    /// The node of values about which nothing is known; every schema has it.
    pub const ANY: NodeId = NodeId(0);

    /// Reserves a place, so that shapes may refer to each other in circles.
    ///
    /// # Errors
    /// There are more shapes than any API has: the document is no schema.
    pub fn reserve(&mut self) -> Option<NodeId> {
        let id = u32::try_from(self.nodes.len()).ok()?;
        self.nodes.push(Shape::Any);
        Some(NodeId(id))
    }

    /// Fills a reserved place.
    pub fn fill(&mut self, id: NodeId, shape: Shape) {
        if let Some(place) = self.nodes.get_mut(id.0 as usize) {
            *place = shape;
        }
    }

    /// Says that server-side apply treats an object as one value: `x-kubernetes-map-type: atomic`.
    pub fn mark_atomic(&mut self, id: NodeId) {
        self.atomic.insert(id);
    }

    /// Whether server-side apply treats the value as one: whoever owns it owns all that is below it.
    ///
    /// Rule: `k8s.io/kube-openapi`, `pkg/schemaconv`; of what no schema knows only lists are one value.
    #[must_use]
    pub fn is_one_value(&self, id: NodeId) -> bool {
        match self.shape(id) {
            Shape::Any => false,
            Shape::Literal | Shape::Scalar(_) | Shape::Either { .. } => true,
            Shape::Struct(_) | Shape::Map(_) => self.atomic.contains(&id),
            Shape::List { list_type, .. } => matches!(list_type, ListType::Atomic | ListType::Bag),
        }
    }

    /// The node to which `steps` lead from `root`.
    #[must_use]
    pub fn node_at(&self, root: NodeId, steps: &[PathStep]) -> NodeId {
        steps.iter().fold(root, |node, step| match (self.shape(node), step) {
            (Shape::Struct(of), PathStep::Key(key)) => of.node(key),
            (Shape::Map(of), _) => *of,
            (Shape::List { item, .. }, _) => *item,
            _ => Self::ANY,
        })
    }

    /// Names the shape of a kind's objects.
    pub fn name_kind(&mut self, type_key: TypeKey, id: NodeId) {
        self.kinds.insert(type_key, id);
    }

    /// Says that the server can try a patch of the kind without writing it.
    pub fn allow_dry_run(&mut self, type_key: TypeKey) {
        self.dry_run.insert(type_key);
    }

    /// Whether the server says that it can try a patch of the kind: one that does not know how would write it.
    #[must_use]
    pub fn allows_dry_run(&self, type_key: &TypeKey) -> bool {
        self.dry_run.contains(type_key)
    }

    /// The shape at `id`.
    #[must_use]
    pub fn shape(&self, id: NodeId) -> &Shape {
        self.nodes.get(id.0 as usize).unwrap_or(&Shape::Any)
    }

    /// The shape of a kind's objects; [`Self::ANY`] where the schema does not know it.
    #[must_use]
    pub fn root(&self, type_key: &TypeKey) -> NodeId {
        self.kinds.get(type_key).copied().unwrap_or(Self::ANY)
    }

    /// Whether the schema knows the kind.
    #[must_use]
    pub fn knows(&self, type_key: &TypeKey) -> bool {
        self.kinds.contains_key(type_key)
    }

    /// The shape of a value at `id`: of the alternative that it is, where there are several.
    #[must_use]
    pub fn shape_of(&self, id: NodeId, value: &Value) -> &Shape {
        match (self.shape(id), value) {
            (Shape::Either { object, .. }, Value::Object(_)) => self.shape(*object),
            (Shape::Either { list, .. }, Value::Array(_)) => self.shape(*list),
            (Shape::Either { .. }, _) => &Shape::Literal,
            (shape, _) => shape,
        }
    }

    /// Whether a field's value means the same as none.
    ///
    /// Rule: Go's `encoding/json` for built-in kinds (an empty list or map is never written; the zero of a field that
    /// is no pointer cannot be told from absence); the API server's pruning of `null` for all kinds.
    #[must_use]
    pub fn is_absent(&self, parent: &Struct, key: &str, value: &Value) -> bool {
        // Nearly every value is something whatever its shape, and a shape takes looking up.
        if is_something(value) {
            return false;
        }
        let shape = self.shape_of(parent.node(key), value);
        match (value, parent.dialect) {
            (Value::Null, _) => true,
            (Value::Array(items), Dialect::BuiltIn) => {
                items.is_empty() && !matches!(shape, Shape::Any | Shape::Literal)
            }
            (Value::Object(map), Dialect::BuiltIn) => match shape {
                Shape::Map(_) => map.is_empty(),
                Shape::Struct(shape) if parent.zero_is_absent(key) => {
                    map.iter().all(|(key, value)| self.is_absent(shape, key, value))
                }
                _ => false,
            },
            (Value::Array(_) | Value::Object(_), Dialect::Custom) => {
                matches!(shape, Shape::Any) && Self::is_empty(value)
            }
            (scalar, Dialect::BuiltIn) => parent.zero_is_absent(key) && is_zero(scalar, shape),
            (_, Dialect::Custom) => false,
        }
    }

    /// Whether a value of which nothing is known holds nothing: an empty list, or a map of nothing but such.
    #[must_use]
    pub fn is_empty(value: &Value) -> bool {
        match value {
            Value::Null => true,
            Value::Array(items) => items.is_empty(),
            Value::Object(map) => map.values().all(Self::is_empty),
            _ => false,
        }
    }

    /// The merge keys of a list element, key defaults filled in; `None` where the element lacks one.
    ///
    /// Rule: `sigs.k8s.io/structured-merge-diff`, `typed/helpers.go`, `keyedAssociativeListItemToPathElement`.
    #[must_use]
    pub fn element_key(&self, item: NodeId, keys: &[String], element: &Value) -> Option<PathStep> {
        let element = element.as_object()?;
        let default = |key: &str| match self.shape(item) {
            Shape::Struct(shape) => shape.fields.get(key).and_then(|field| field.default.clone()),
            _ => None,
        };
        keys.iter()
            .map(|key| {
                let value = element.get(key).filter(|value| !value.is_null()).cloned().or_else(|| default(key))?;
                let scalar = !value.is_array() && !value.is_object();
                scalar.then(|| (key.clone(), value))
            })
            .collect::<Option<Vec<_>>>()
            .map(PathStep::Element)
    }
}

/// Whether a value is no zero, empty list or map of any shape.
fn is_something(value: &Value) -> bool {
    match value {
        Value::Null | Value::Object(_) => false,
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !matches!(text.as_str(), "" | "0"),
        Value::Array(items) => !items.is_empty(),
    }
}

fn is_zero(value: &Value, shape: &Shape) -> bool {
    match value {
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) if matches!(shape, Shape::Scalar(Scalar::Quantity)) => text == "0",
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}
